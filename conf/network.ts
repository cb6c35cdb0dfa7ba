// Addresses and networks as the configuration writes them: `10.0.0.0/8`, `::1`, `fd00::/8`, a single address.

import { ConfigError } from '../runtime/errors.ts'

/** An address as bits: 32 or 128 of them. */
export interface Network { bits: bigint; prefix: number; width: 32 | 128 }

/** Parses `address` or `address/prefix`. Throws ConfigError. */
export const parseNetwork = (text: string): Network => {
  const [address = '', length, ...more] = text.split('/')
  const parsed = parseAddress(address)
  if (parsed === undefined || more.length > 0) throw new ConfigError(`'${text}' is not an address or network (say e.g. 10.0.0.0/8)`)
  const prefix = length === undefined ? parsed.width : /^\d{1,3}$/.test(length) ? Number(length) : -1
  if (prefix < 0 || prefix > parsed.width) throw new ConfigError(`'${text}' is not a network: the number after '/' must be in 0..${parsed.width}`)
  return { ...parsed, prefix }
}

/** Whether a text is an address or network. */
export const isNetwork = (text: string): boolean => {
  try {
    parseNetwork(text)
    return true
  } catch {
    return false
  }
}

/** Whether an address lies in a network. IPv4 addresses in IPv6 form (`::ffff:10.0.0.1`) count as IPv4. */
export const contains = (network: Network, address: string): boolean => {
  const ip = parseAddress(address)
  if (ip === undefined || ip.width !== network.width) return false
  const ignored = BigInt(network.width - network.prefix)
  return ip.bits >> ignored === network.bits >> ignored
}

/** Whether an address lies in one of the networks of a list such as login_trusted_networks. */
export const inNetworks = (address: string, networks: readonly string[]): boolean =>
  networks.some((network) => contains(parseNetwork(network), address))

/**
 * An address as everybody writes it (RFC 5952: lower case, zeros as `::`), so that equal ones are equal texts; IPv4 in IPv6
 * form as IPv4. undefined: it is none. Zones (`%eth0`) are dropped.
 */
export const canonicalAddress = (text: string): string | undefined => {
  const parsed = parseAddress(text)
  return parsed === undefined ? undefined : addressText(parsed)
}

/** The network of `bits` that an IPv6 address is in, as text; an IPv4 address as it is. undefined: it is no address. */
export const networkOf = (text: string, bits: number): string | undefined => {
  const parsed = parseAddress(text)
  if (parsed === undefined || parsed.width === 32) return parsed && addressText(parsed)
  const ignored = BigInt(parsed.width - bits)
  return `${addressText({ width: parsed.width, bits: parsed.bits >> ignored << ignored })}/${bits}`
}

const addressText = ({ bits, width }: { bits: bigint; width: 32 | 128 }): string => {
  const part = width === 32 ? 8 : 16
  const groups = Array.from({ length: width / part }, (_, n) => Number(bits >> BigInt(width - part * (n + 1)) & (1n << BigInt(part)) - 1n))
  if (width === 32) return groups.join('.')
  const runs = [...groups.map((group) => (group === 0 ? '0' : ' ')).join('').matchAll(/00+/g)]
  const longest = runs.reduce<RegExpExecArray | undefined>((best, run) => (best === undefined || run[0].length > best[0].length ? run : best), undefined)
  const hex = (some: number[]): string => some.map((group) => group.toString(16)).join(':')
  if (longest === undefined) return hex(groups)
  return `${hex(groups.slice(0, longest.index))}::${hex(groups.slice(longest.index + longest[0].length))}`
}

const parseAddress = (text: string): { bits: bigint; width: 32 | 128 } | undefined => {
  if (!text.includes(':')) return parseIpv4(text)
  const ipv6 = parseIpv6(text.replace(/%.*$/, ''))
  if (ipv6 === undefined) return undefined
  return ipv6 >> 32n === 0xffffn ? { bits: ipv6 & 0xffffffffn, width: 32 } : { bits: ipv6, width: 128 }
}

const parseIpv4 = (text: string): { bits: bigint; width: 32 } | undefined => {
  const octets = text.split('.')
  if (octets.length !== 4 || !octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) < 256)) return undefined
  return { bits: octets.reduce((bits, octet) => bits << 8n | BigInt(octet), 0n), width: 32 }
}

const parseIpv6 = (text: string): bigint | undefined => {
  const dotted = /^(.*:)([\d.]+\.[\d.]+)$/.exec(text)
  if (dotted) {
    const ipv4 = parseIpv4(dotted[2]!)?.bits
    return ipv4 === undefined ? undefined : parseIpv6(`${dotted[1]}${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}`)
  }
  const halves = text.split('::')
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const [head = [], tail = []] = groups
  const missing = 8 - head.length - tail.length
  if (halves.length > 2 || (halves.length === 1 ? missing !== 0 : missing < 1)) return undefined
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return all.reduce((bits, group) => bits << 16n | BigInt(`0x${group}`), 0n)
}
