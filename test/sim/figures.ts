// The figures of many stories in one.

import type { OwnersOutcome } from './owners.ts'
import type { Figures, Outcome } from './story.ts'

export interface Total { stories: number; failed: number; figures: Figures; done: Map<string, number>; kinds: Map<string, number> }

export function sum(outcomes: readonly Outcome[]): Total {
  const figures: Figures = { calls: 0, events: 0, faults: 0, crashes: 0, wipes: 0, outages: 0, damages: 0, blackouts: 0, lives: 0, moves: 0, compared: 0, returned: 0, late: 0, mails: 0, garbage: 0 }
  const done = new Map<string, number>()
  const kinds = kindsOf(outcomes)
  for (const outcome of outcomes) {
    for (const name of Object.keys(figures) as (keyof Figures)[]) figures[name] += outcome.figures[name]
    for (const [kind, times] of outcome.done) done.set(kind, (done.get(kind) ?? 0) + times)
  }
  return { stories: outcomes.length, failed: outcomes.filter(({ failure }) => failure !== undefined).length, figures, done, kinds }
}

/** Faults by kind. */
function kindsOf(outcomes: readonly { kinds: ReadonlyMap<string, number> }[]): Map<string, number> {
  const kinds = new Map<string, number>()
  for (const outcome of outcomes) for (const [kind, times] of outcome.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + times)
  return kinds
}

const listed = (counts: ReadonlyMap<string, number>): string => [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, times]) => `${times} ${kind}`).join(', ')


export function summary({ stories, failed, figures, done, kinds }: Total): string {
  return `${stories} seeds, ${failed} failed: ${figures.lives} lives (${figures.moves} with something left behind before), ${figures.crashes} crashes, ${figures.wipes} disks lost, ${figures.blackouts} losses of power, `
    + `${figures.outages} outages, ${figures.damages} files damaged, ${figures.faults} faults in ${figures.calls} calls (${listed(kinds)}); ${figures.compared} mails read back and compared, ${figures.returned} times told what has changed since, `
    + `${figures.late} listed late, ${figures.mails} there at the end, ${figures.garbage} objects without a mail; acknowledged: ${listed(done)}`
}

/** Of stories with several owners. */
export function ownersSummary(outcomes: readonly OwnersOutcome[]): string {
  const total = (name: keyof OwnersOutcome['figures']): number => outcomes.reduce((all, { figures }) => all + figures[name], 0)
  const failed = outcomes.filter(({ failure }) => failure !== undefined).length
  return `${outcomes.length} seeds with several owners, ${failed} failed: ${total('acknowledged')} of ${total('requests')} requests acknowledged, the user taken ${total('taken')} times, `
    + `lost ${total('lost')} times with sessions told, ${total('crashes')} crashes, ${total('wipes')} disks lost, ${total('faults')} faults (${listed(kindsOf(outcomes))}); `
    + `${total('mails')} acknowledged mails had to be there at the end; ${total('there')} mails there, ${total('orphans')} merged orphans whose deletion failed`
}
