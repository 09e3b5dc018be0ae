/**
 * A function that returns `Result`, so written that the compiler keeps `"open"` in what it returns from becoming `string`.
 * It looks at functions without parameters before it has inferred the state, and then keeps only what may be a literal. The
 * second signature says that anything may be one; the first one checks.
 */
export type Returning<Parameters extends readonly unknown[], Result> = ((...args: Parameters) => Result) &
  ((...args: Parameters) => MaybeLiteral);

/**
 * Any value at all; in the eyes of the compiler perhaps a literal, at every depth. Numbers are left out: with them, a sum such as
 * `prices.reduce((sum, price) => sum + price, 0)` would be expected to stay `0`.
 */
export type MaybeLiteral =
  | Uppercase<string>
  | true
  | {}
  | null
  | undefined
  | { readonly [key: string]: MaybeLiteral }
  | readonly MaybeLiteral[];
