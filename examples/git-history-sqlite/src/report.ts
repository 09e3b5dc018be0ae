import type { Churn, ReadModel } from "./read-model.ts";

const TOP = 10;
const MONTHS = 24;
const BAR_WIDTH = 40;

/** The read model as tables and a chart. */
export function reportOf(model: ReadModel): string {
  return [
    "Hot spots",
    table(
      ["changes", "+ lines", "- lines", "file"],
      top(model.files.values(), ({ changes }) => changes).map((file) => [...numbers(file), file.path]),
    ),
    "Authors",
    table(
      ["commits", "changes", "+ lines", "- lines", "author"],
      top(model.authors, ([, { commits }]) => commits).map(([name, author]) => [
        count(author.commits),
        ...numbers(author),
        name,
      ]),
    ),
    `Lines changed by month${model.months.size > MONTHS ? `, the last ${MONTHS} of ${model.months.size}` : ""}`,
    chart([...model.months].sort(([a], [b]) => (a < b ? -1 : 1)).slice(-MONTHS)),
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

function numbers({ changes, added, removed }: Churn): readonly string[] {
  return [count(changes), count(added), count(removed)];
}

function top<Item>(items: Iterable<Item>, sizeOf: (item: Item) => number): readonly Item[] {
  return [...items].sort((a, b) => sizeOf(b) - sizeOf(a)).slice(0, TOP);
}

function chart(months: readonly (readonly [string, Churn])[]): string {
  const most = Math.max(1, ...months.map(([, { added, removed }]) => added + removed));
  return months
    .map(([month, { added, removed }]) => {
      const bar = "█".repeat(Math.ceil(((added + removed) / most) * BAR_WIDTH));
      return `  ${month} ${bar.padEnd(BAR_WIDTH)} ${count(added + removed)}`;
    })
    .join("\n");
}
