/** Something that the user can mend. The message says what is wrong and what to do. */
export class Failure extends Error {
  override readonly name = "Failure";
}
