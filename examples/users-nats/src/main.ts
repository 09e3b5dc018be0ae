import { allEvents, createRepository, everyNEvents } from "@es/core";
import { openFromUrl } from "@es/store-nats";
import { startNats } from "test-servers";
import { User } from "./user.ts";

// A server of your own, such as nats://localhost:4222/users; or one that lives as long as this program.
const { EVENT_STORE_URL: url } = process.env;
await using server = url === undefined ? await startNats() : undefined;
await using store = await openFromUrl(url ?? `${server?.url}/users`);

const users = createRepository(store, User, { snapshots: { policy: everyNEvents(10) } });
const id = crypto.randomUUID();
const before = await store.head();

await users.execute(id, { type: "SignUp", data: { name: "Ada", email: "ada@example.org" } });
for (let n = 1; n <= 10; n += 1) await users.execute(id, { type: "Rename", data: { name: `Ada ${n}` } });
await users
  .execute(id, { type: "SignUp", data: { name: "Eve", email: "eve@example.org" } })
  .catch((error) => console.log(String(error)));

const user = await users.load(id);
console.log(`version ${user.version}:`, user.state);
for await (const key of store.registers.keys(""))
  if (key.includes(id)) console.log("snapshot:", key.replace(id, "<id>"));

await users.execute(id, { type: "DeleteAccount", data: { reason: "moved away" } });
console.log(`version ${(await users.load(id)).version}:`, (await users.load(id)).state);

const types: string[] = [];
for await (const event of allEvents(store, { after: before, filter: { categories: ["user"] } })) types.push(event.type);
console.log(types.join(" "));
