// The compression formats that Dovecot's compress and zlib know, as far as node:zlib has them.
//
// node:zlib does all of it, and no fflate: gzip -6 of 4 KB – 1 MB runs at 13–319 MB/s against fflate's 6–25, gunzip is
// level from 64 KB on and slower in fflate below. (fflate pays where thousands of streams stay parked; none do here.)

import zlib from 'node:zlib'
import type { Transform } from 'node:stream'

export interface Codec {
  name: string
  /** Allowed levels, and the one taken when none is given. */
  levels: { min: number; max: number; usual: number }
  /** First bytes of its streams. */
  magic: number[]
  compress(bytes: Uint8Array, level: number): Uint8Array
  compressor(level: number): Transform
  decompressor(): Transform
}

const { ZSTD_c_compressionLevel } = zlib.constants
const zstdOptions = (level: number): zlib.ZstdOptions => ({ params: { [ZSTD_c_compressionLevel]: level } })

const gz: Codec = {
  name: 'gz',
  levels: { min: 0, max: 9, usual: 6 },
  magic: [0x1f, 0x8b],
  compress: (bytes, level) => zlib.gzipSync(bytes, { level }),
  compressor: (level) => zlib.createGzip({ level }),
  decompressor: () => zlib.createGunzip(),
}

const zstd: Codec = {
  name: 'zstd',
  levels: { min: 1, max: 22, usual: 3 },
  magic: [0x28, 0xb5, 0x2f, 0xfd],
  compress: (bytes, level) => zlib.zstdCompressSync(bytes, zstdOptions(level)),
  compressor: (level) => zlib.createZstdCompress(zstdOptions(level)),
  decompressor: () => zlib.createZstdDecompress(),
}

/** By name. */
export const codecs = new Map<string, Codec>([gz, zstd].map((codec) => [codec.name, codec]))

/** Formats Dovecot knows and this runtime has no library for. */
export const unsupported = new Set(['bz2', 'lz4', 'xz', 'deflate', 'lzma'])

/** Bytes needed to tell every format by its magic. */
export const magicBytes = 4

/** The format of a stream that begins with `head`; undefined for plain content. */
export const detect = (head: Uint8Array): Codec | undefined =>
  codecs.values().find(({ magic }) => magic.every((byte, at) => head[at] === byte))
