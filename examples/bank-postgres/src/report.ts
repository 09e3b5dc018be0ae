/** Rows of names and numbers, the numbers below each other. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const names = Math.max(...rows.map(([name]) => name.length));
  const values = Math.max(...rows.map(([, value]) => value.length));
  return rows.map(([name, value]) => `  ${name.padEnd(names)}  ${value.padStart(values)}`).join("\n");
}

/** Cents with their decimal point. */
export function money(cents: number): string {
  return (cents / 100).toLocaleString("en", { minimumFractionDigits: 2 });
}

/** A number with its thousands apart. */
export function count(value: number): string {
  return value.toLocaleString("en");
}
