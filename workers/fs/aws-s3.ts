// `aws-s3:https://BUCKET.s3.REGION.amazonaws.com/?auth_role=ROLE&…` — S3 of Amazon itself: `s3:` whose messages tell what Amazon
// wants to know of a request (loghdr). The role's token, which Dovecot adds here, `s3:` sends by itself.

import { driver } from '../storage/driver.ts'
import s3 from './s3.ts'

const told = 'loghdr=x-amz-request-id&loghdr=x-amz-id-2'

export default driver({
  name: 'aws-s3',
  form: 'aws-s3:https://BUCKET.s3.REGION.amazonaws.com/?auth_role=ROLE&…',
  open: (text, world) => s3.open(`${text.trimEnd()}${text.includes('?') ? '&' : '?'}${told}`, world),
})
