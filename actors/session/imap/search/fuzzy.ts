// FUZZY <search-key>: may be answered like the key alone. RFC 6203.

import { searchKey } from './key.ts'

export default searchKey({ names: ['FUZZY'], capability: 'SEARCH=FUZZY', parse: (k) => k.key() })
