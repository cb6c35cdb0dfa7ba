#!/usr/bin/env node
// `culver COMMAND …`: see command-line.ts. What is compiled is kept for the next start, which then takes less than half as long;
// that must be said before anything is imported.

import { keepCompiled } from './compile-cache.ts'

keepCompiled()
const { run } = await import('./command-line.ts')
await run(process.argv.slice(2))
