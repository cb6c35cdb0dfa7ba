// How bad the simulated world is: probabilities of one request, delays in virtual milliseconds.

export interface Faults {
  /** A request that fails before it did anything. */
  failBefore: number
  /** A write, copy or delete that happened and is answered with an error all the same. */
  failAfter: number
  /** A read that breaks off in the middle of the body. */
  failReading: number
  /** A read whose body ends in the middle, and nobody says so. */
  endEarly: number
  /** A request that takes `slowMs` instead of up to `storeMs`. */
  slow: number
  storeMs: number
  slowMs: number
  /** How long after the death of its process a request on the wire may still reach the store. */
  lateMs: number
  /** A change of a local file that fails: no space left. Of an append a part may have been written. */
  failFile: number
  /** Up to how long a file operation takes. */
  fileMs: number
  /** For up to how long a listing may leave out what is new, and show what is deleted; 0: listings are consistent, as those of S3 today. */
  listingLagMs: number
}

/** A world that works, and only takes its time. */
export const noFaults: Faults = {
  failBefore: 0, failAfter: 0, failReading: 0, endEarly: 0, slow: 0, storeMs: 20, slowMs: 2000, lateMs: 0, failFile: 0, fileMs: 0.5, listingLagMs: 0,
}

/** A world in which about one request in twenty goes wrong. */
export const usualFaults: Faults = {
  failBefore: 0.02, failAfter: 0.02, failReading: 0.02, endEarly: 0.005, slow: 0.02, storeMs: 60, slowMs: 5000, lateMs: 30_000, failFile: 0.005, fileMs: 2, listingLagMs: 0,
}
