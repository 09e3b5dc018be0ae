import { openNatsEventStore } from "@es/store-nats";
import { startNats } from "test-servers";
import { describeManagers } from "./describe-managers.ts";

// Without transactions: what comes again is recognised by what it has led to.
describeManagers("NATS", async () => {
  const server = await startNats();
  const store = await openNatsEventStore({ servers: server.url, name: "balances" });
  return {
    place: { kind: "nats", servers: server.url, views: "" },
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});
