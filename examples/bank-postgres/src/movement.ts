import * as z from "zod";

/** Money is counted in cents. */
const cents = z.number().int().positive();

/** One of the two events of a movement of money. The other one is in the stream `with`, and has the same id and amount. */
export const half = z.object({ movement: z.string(), amount: cents, with: z.string() });

/** Which two events a movement consists of: where the money leaves, and where it arrives. */
export const HALVES: readonly (readonly [string, string])[] = [
  ["TransferSent", "TransferReceived"],
  ["CashReceived", "Deposited"],
  ["Withdrawn", "CashPaid"],
];
