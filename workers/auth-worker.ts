// A thread of the auth pool: piscina calls the default export with a task. Several tasks may wait here at a time, each with
// databases, and so connections, of its own; a task takes those that were used last, so that few stay open.

import { workerData } from 'piscina'
import type { LookupResult, LookupTask } from '../actors/auth/lookup.ts'
import { RealFiles } from '../runtime/real-files.ts'
import { Databases } from './auth-lookup.ts'

/** What the threads of a pool have in common. */
export interface AuthWorkerData { saltKey: Uint8Array }

const { saltKey } = workerData as AuthWorkerData
const files = new RealFiles()
const idle: Databases[] = []

export default async (task: LookupTask): Promise<LookupResult> => {
  const databases = idle.pop() ?? new Databases({ files, saltKey })
  try {
    return await databases.run(task)
  } finally {
    idle.push(databases)
  }
}
