/** What this process has done so far, and what it was told was done. */
export class Tally {
  transfers = 0;
  refused = 0;
  conflicts = 0;
  /** Requests that still met conflicts when the time was over. Nothing was written for them. */
  givenUp = 0;
  /** Movements whose append was acknowledged: the log must hold them. */
  readonly acknowledged = new Set<string>();
}
