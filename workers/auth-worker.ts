// A thread of the auth pool: piscina calls the default export with one task at a time.

import type { LookupResult, LookupTask } from '../actors/auth/lookup.ts'
import { RealFiles } from '../runtime/real-files.ts'
import { Databases } from './auth-lookup.ts'

const databases = new Databases({ files: new RealFiles() })

export default (task: LookupTask): Promise<LookupResult> => databases.run(task)
