// Opens a store, and closes it again when that succeeds. Either way it must then end by itself.
import { isEventSourcingError } from "@es/core";
import { given, say } from "test-helpers";
import { type KurrentDbEventStoreOptions, openKurrentDbEventStore } from "../../src/index.ts";

try {
  await using store = await openKurrentDbEventStore(given<KurrentDbEventStoreOptions>());
  await store.head();
  say("opened");
} catch (error) {
  say(isEventSourcingError(error) ? error.code : String(error));
}
