// The base64 of crypt(3): its own alphabet, little end first, three bytes to four characters in an order each hash defines.

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Writes the `chars` lowest groups of six bits of high·2¹⁶ + middle·2⁸ + low. */
export function cryptBase64(high: number, middle: number, low: number, chars: number): string {
  let bits = (high << 16) | (middle << 8) | low
  let text = ''
  for (let n = 0; n < chars; n++) {
    text += alphabet.charAt(bits & 63)
    bits >>>= 6
  }
  return text
}
