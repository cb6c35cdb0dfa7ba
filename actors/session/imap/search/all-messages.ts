// ALL. RFC 3501 §6.4.4.

import { always, searchKey } from './key.ts'

export default searchKey({ names: ['ALL'], parse: () => always(() => true) })
