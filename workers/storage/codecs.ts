// The compression formats that Dovecot's compress and zlib know, as far as node:zlib has them; two more are read (lz4.ts, bz2.ts).
//
// node:zlib does all of it, and no fflate: gzip -6 of 4 KB – 1 MB runs at 13–319 MB/s against fflate's 6–25, gunzip is
// level from 64 KB on and slower in fflate below. (fflate pays where thousands of streams stay parked; none do here.)

import { Buffer } from 'node:buffer'
import zlib from 'node:zlib'
import type { Transform } from 'node:stream'
import { bz2Decompressor, isBz2 } from './bz2.ts'
import { isLz4, lz4Decompressor } from './lz4.ts'

/** What can be read. */
export interface Decoder {
  name: string
  /** Whether a stream begins like one of its own. */
  detects(head: Uint8Array): boolean
  decompressor(): Transform
}

export interface Codec extends Decoder {
  /** Allowed levels, and the one taken when none is given. */
  levels: { min: number; max: number; usual: number }
  compress(bytes: Uint8Array, level: number): Uint8Array
  compressor(level: number): Transform
}

const startsWith = (head: Uint8Array, ...magic: number[]): boolean => magic.every((byte, at) => head[at] === byte)

const { ZSTD_c_compressionLevel } = zlib.constants
const zstdOptions = (level: number): zlib.ZstdOptions => ({ params: { [ZSTD_c_compressionLevel]: level } })

const gz: Codec = {
  name: 'gz',
  levels: { min: 0, max: 9, usual: 6 },
  detects: (head) => startsWith(head, 0x1f, 0x8b),
  compress: (bytes, level) => zlib.gzipSync(bytes, { level }),
  compressor: (level) => zlib.createGzip({ level }),
  decompressor: () => zlib.createGunzip(),
}

const zstd: Codec = {
  name: 'zstd',
  levels: { min: 1, max: 22, usual: 3 },
  detects: (head) => startsWith(head, 0x28, 0xb5, 0x2f, 0xfd),
  compress: (bytes, level) => zlib.zstdCompressSync(bytes, zstdOptions(level)),
  compressor: (level) => zlib.createZstdCompress(zstdOptions(level)),
  decompressor: () => zlib.createZstdDecompress(),
}

/** RFC 1950: a zlib header around deflate. (Dovecot writes it bare and cannot tell it by its magic: nothing of that is in any store.) */
const deflate: Codec = {
  name: 'deflate',
  levels: { min: 0, max: 9, usual: 6 },
  // Method 8, a window of 32 KiB, and the check of both bytes.
  detects: (head) => head[0] === 0x78 && (0x7800 + (head[1] ?? 0)) % 31 === 0 && ((head[1] ?? 0) & 0x20) === 0,
  compress: (bytes, level) => zlib.deflateSync(bytes, { level }),
  compressor: (level) => zlib.createDeflate({ level }),
  decompressor: () => zlib.createInflate(),
}

/** By name. All of them on Node and on Deno. */
export const codecs = new Map<string, Codec>([gz, zstd, deflate].map((codec) => [codec.name, codec]))

/** Written by others, and read. */
const readOnly: readonly Decoder[] = [
  { name: 'lz4', detects: isLz4, decompressor: lz4Decompressor },
  { name: 'bz2', detects: isBz2, decompressor: bz2Decompressor },
]

/** Formats Dovecot knows, in which nothing is written here. */
export const unsupported = new Set(['bz2', 'lz4', 'xz', 'lzma'])

/** Bytes needed to tell every format by its magic. */
export const magicBytes = 15

const xzMagic = Buffer.from('\xfd7zXZ\0', 'latin1')

/** The name of a format that cannot be read. */
export const detectUnsupported = (head: Uint8Array): string | undefined => (startsWith(head, ...xzMagic) ? 'xz' : undefined)

/** The format of a stream that begins with `head`; undefined for plain content. */
export const detect = (head: Uint8Array): Decoder | undefined =>
  [...codecs.values(), ...readOnly].find((codec) => codec.detects(head))
