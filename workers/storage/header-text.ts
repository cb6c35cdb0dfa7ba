// Text as the value of an HTTP header: percent-encoded where it must be, readable where it can be.

/** Any text as a header value: what is not printable ASCII, or would be trimmed, is percent-encoded (and so is a '%' that looks encoded). */
export const headerText = (text: string): string => (/^[!-$&-~]*$/.test(text) ? text : encoded(text))

const encoded = (text: string): string =>
  text.toWellFormed().replaceAll(/[^\x20-\x7e]+|%(?=[0-9A-Fa-f]{2})|^ | $/gu, (match) => (match === ' ' ? '%20' : encodeURIComponent(match)))

/** What `headerText` encoded, again; values of other writers stay as they are. */
export const fromHeaderText = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'))
  } catch {
    return text
  }
}
