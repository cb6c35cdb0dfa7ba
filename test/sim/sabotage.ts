// Doors that break a promise: to show that the simulator finds it out.

import type { Effects, ObjectStore } from '../../runtime/effects.ts'

/** Effects with one kind of door changed. */
export const withFiles = (effects: Effects, change: (files: Effects['files']) => Partial<Effects['files']>): Effects =>
  through(effects, { files: through(effects.files, change(effects.files)) })
export const withStore = (effects: Effects, change: (store: ObjectStore) => Partial<ObjectStore>): Effects =>
  through(effects, { storage: (spec) => { const store = effects.storage(spec); return through(store, change(store)) } })
export const withBoot = (effects: Effects, bootId: string): Effects => through(effects, { bootId })

/** `target`, with some of its members replaced. */
function through<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (name in changes) return changes[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
