// Whether the store of a configured string honours conditions, told without opening it: the sessions' threads need to
// know, and open none. Every driver does but those named here (a test holds this against the drivers themselves).

const without = /(?:^|:)\s*scality:/

/** Whether `condition` may be given to writes of the store that `spec` describes. */
export const honoursConditions = (spec: string): boolean => !without.test(spec)
