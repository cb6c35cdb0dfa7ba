// What a backend's requests end with when it turns out that another one has the user (manifest.ts).

import { TempFail } from '../../runtime/errors.ts'

export class LostUser extends TempFail {
  constructor(user: string) { super(`${user} is served by another backend now`) }
}
