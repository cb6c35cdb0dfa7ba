// Whose certificates a store over https may have: ssl_client_ca_file, ssl_client_ca_dir (in place of the runtime's own
// authorities), ssl_client_cert and ssl_client_key (a certificate of ours), ssl_client_require_valid_cert.

import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, messageOf } from '../../runtime/errors.ts'

/** What https connections are made with. `name` tells two of them apart. */
export interface StoreTls { name: string; options: { ca?: string[]; cert?: string; key?: string; rejectUnauthorized?: boolean } }

export interface TlsSettings {
  ssl_client_ca_file: string
  ssl_client_ca_dir: string
  ssl_client_cert: string
  ssl_client_key: string
  ssl_client_require_valid_cert: boolean
}

/** The runtime's own authorities, no certificate of ours. */
export const usualTls: StoreTls = { name: '', options: {} }

/** Reads the files that are named. ConfigError where one cannot be read or holds no certificate. */
export const tlsOf = (settings: TlsSettings): StoreTls => {
  const { ssl_client_ca_file: file, ssl_client_ca_dir: directory, ssl_client_cert: cert, ssl_client_key: key, ssl_client_require_valid_cert: valid } = settings
  const ca = [...(file ? [certificates('ssl_client_ca_file', file)] : []), ...(directory ? directoryOf(directory) : [])]
  if ((cert === '') !== (key === '')) throw new ConfigError('ssl_client_cert and ssl_client_key are of use together only')
  return {
    name: [file, directory, cert, valid].join(' '),
    options: { ...(ca.length > 0 ? { ca } : {}), ...(cert ? { cert, key } : {}), ...(valid ? {} : { rejectUnauthorized: false }) },
  }
}

const certificates = (setting: string, file: string): string => {
  const text = read(setting, file)
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new ConfigError(`${setting}: ${file} holds no certificate`)
  return text
}

/** Files without a certificate lie in such directories too (revocation lists). */
const directoryOf = (directory: string): string[] => {
  try {
    return fs.readdirSync(directory).map((name) => path.join(directory, name))
      .filter((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile())
      .map((file) => read('ssl_client_ca_dir', file)).filter((text) => text.includes('-----BEGIN CERTIFICATE-----'))
  } catch (error) {
    throw error instanceof ConfigError ? error : new ConfigError(`ssl_client_ca_dir = ${directory}: ${messageOf(error)}`)
  }
}

const read = (setting: string, file: string): string => {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`${setting}: ${messageOf(error)}`)
  }
}
