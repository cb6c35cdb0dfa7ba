// `fscache:SIZE:PATH:…` — accepted and checked, not acted on yet: reads go to the parent, and a warning says so.

import { ConfigError } from '../../runtime/errors.ts'
import { wrapper } from '../storage/driver.ts'
import { argument } from '../storage/wrapping.ts'

const form = 'fscache:SIZE:PATH:…, for example fscache:1G:/var/cache/mails:s3:https://…'

export default wrapper({
  name: 'fscache',
  form,
  parse(text) {
    const size = argument('fscache', form, text)
    if (!/^\d+ *([BkKmMgGtT]([iI]?[bB])?)?$/.test(size.value)) throw new ConfigError(`fscache: '${size.value}' is no size; its form is ${form}`)
    const directory = argument('fscache', form, size.rest)
    if (!directory.value.startsWith('/')) throw new ConfigError(`fscache: '${directory.value}' is no absolute path; its form is ${form}`)
    return { options: { directory: directory.value }, rest: directory.rest }
  },
  open(options: { directory: string }, parent, world) {
    world.emit({ level: 'warning', name: 'storage.fscache_skipped', text: `fscache is not supported yet: skipped (${options.directory})` })
    return parent
  },
})
