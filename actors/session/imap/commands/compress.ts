// COMPRESS. RFC 4978: behind the tagged OK both directions are deflated. That is the wire's work.
//
// A client waits for the OK before it compresses. What follows the command in the same packet all the same is taken as
// compressed, as Dovecot does.

import { No, WaitsForPipeline, command, ok } from '../command.ts'

export default command({
  name: 'COMPRESS', capability: 'COMPRESS=DEFLATE', states: ['authenticated'], flags: WaitsForPipeline,
  parse: (p) => p.sp().word('a compression mechanism'),
  log: (mechanism) => mechanism,
  run(mechanism, s) {
    if (s.world.wire.compressed) throw new No('COMPRESSIONACTIVE', 'COMPRESSION=DEFLATE already enabled.')
    if (mechanism !== 'DEFLATE') throw new No('', 'Unknown COMPRESSION mechanism.')
    s.compress()
    return ok('Begin compression.')
  },
})
