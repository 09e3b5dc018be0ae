import type { Report, ReportRow } from "./read-model.ts";

/** Most rows of each table. */
export const LIMITS = { top: 10, months: 24 };
const BAR_WIDTH = 40;

/** The report as tables and a chart. */
export function textOf({ hotSpots, topAuthors, lastMonths, months }: Report): string {
  return [
    "Hot spots",
    table(
      ["changes", "+ lines", "- lines", "file"],
      hotSpots.map((file) => [...numbers(file), file.name]),
    ),
    "Authors",
    table(
      ["commits", "changes", "+ lines", "- lines", "author"],
      topAuthors.map((author) => [count(author.commits), ...numbers(author), author.name]),
    ),
    `Lines changed by month${months > LIMITS.months ? `, the last ${LIMITS.months} of ${months}` : ""}`,
    chart(lastMonths),
  ].join("\n\n");
}

/** Columns as wide as their longest cell; all but the last are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(visible));
  const widths = head.map((name, column) => Math.max(name.length, ...shown.map((row) => row[column]?.length ?? 0)));
  return [head, ...shown]
    .map((row) =>
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padStart(widths[column] ?? 0))).join("  "),
    )
    .map((line) => `  ${line}`)
    .join("\n");
}

/** A file name may hold what would break the table or the terminal. */
export function visible(text: string): string {
  return text.replaceAll(/\p{C}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** A number with its thousands apart. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

function numbers({ changes, added, removed }: ReportRow): readonly string[] {
  return [count(changes), count(added), count(removed)];
}

function chart(months: readonly ReportRow[]): string {
  const most = Math.max(1, ...months.map(({ added, removed }) => added + removed));
  return months
    .map(({ name, added, removed }) => {
      const bar = "█".repeat(Math.ceil(((added + removed) / most) * BAR_WIDTH));
      return `  ${name} ${bar.padEnd(BAR_WIDTH)} ${count(added + removed)}`;
    })
    .join("\n");
}
