// Keeps compiled code for the next start, of this process and of its threads: a session worker then starts with 0.18 s of CPU
// in place of 0.45 s. The place is beside the code, so that whoever may write there might as well write the code.

import module from 'node:module'
import path from 'node:path'

const directory = path.join(import.meta.dirname, '../node_modules/.cache/compiled')

/** From here on. Where the place cannot be written, or the runtime cannot do it, nothing is kept. */
export function keepCompiled(): void {
  if (typeof module.enableCompileCache !== 'function') return
  const { status } = module.enableCompileCache(directory)
  const { ENABLED, ALREADY_ENABLED } = module.constants.compileCacheStatus
  // Threads are told by the environment alone.
  if (status === ENABLED || status === ALREADY_ENABLED) process.env['NODE_COMPILE_CACHE'] ??= directory
}

/** Writes what has been compiled so far: a process that is killed would not. */
export function flushCompiled(): void {
  if (typeof module.flushCompileCache === 'function') module.flushCompileCache()
}
