// The long form of the order test: 100,000 events, or as many as the first argument says, from 32 writers in four processes.
import { startPostgres } from "test-servers";
import { openDatabase } from "./database.ts";
import { runOrderTrial } from "./order-trial.ts";

const events = Number(process.argv[2] ?? 100_000);
await using server = await startPostgres();
await using database = await openDatabase(server);
const startedAt = performance.now();
const { delivered, problems } = await runOrderTrial(database, { events, processes: 4, writers: 8 });
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const verdict = problems.length === 0 ? "none lost, none twice, one order" : problems.join("\n");
process.stdout.write(
  `PostgreSQL ${server.version}: ${delivered} events in ${seconds} s to three live readers and a replay\n${verdict}\n`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
