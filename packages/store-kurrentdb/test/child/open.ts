// Opens a store, and closes it again when that succeeds. Either way it must then end by itself.
import { isEventSourcingError } from "@es/core";
import { type KurrentDbEventStoreOptions, openKurrentDbEventStore } from "../../src/index.ts";

const options: KurrentDbEventStoreOptions = JSON.parse(process.argv[2] ?? "");
try {
  await using store = await openKurrentDbEventStore(options);
  await store.head();
  process.stdout.write('"opened"\n');
} catch (error) {
  process.stdout.write(`${JSON.stringify(isEventSourcingError(error) ? error.code : String(error))}\n`);
}
