// The base64 alphabet, RFC 4648 §4.

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** By byte: its value 0 … 63; 64 for `=`; 255 for all others. */
export const base64Value: Uint8Array = new Uint8Array(256).fill(255)
for (let value = 0; value < 64; value++) base64Value[alphabet.charCodeAt(value)] = value
base64Value['='.charCodeAt(0)] = 64
