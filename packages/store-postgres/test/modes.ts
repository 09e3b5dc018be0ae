/** How the store may reach its database. */
export const MODES = [
  { name: "one statement for each group", options: {} },
  { name: "a transaction for each group", options: { prepared: false } },
  { name: "tags", options: { tags: true } },
] as const;
