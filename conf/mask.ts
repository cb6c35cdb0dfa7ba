// Dovecot's masks of user names: `*` is any text, `?` any character.

/** What tells whether a name matches `mask`. */
export function matcher(mask: string): (name: string) => boolean {
  const pattern = new RegExp(`^${mask.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll(/\*+/g, '.*').replaceAll('?', '.')}$`, 's')
  return (name) => pattern.test(name)
}

/** Whether a text is a mask rather than a name. */
export const isMask = (text: string): boolean => /[*?]/.test(text)
