import { createRepository } from "@es/core";
import { createProjectionRunner, createSqliteSink } from "@es/projections";
import { openFromUrl } from "@es/store-kurrentdb";
import Database from "better-sqlite3";
import { startKurrentDouble } from "kurrentdb-double";
import { COUNTS_SQL, counts } from "./counts.ts";
import { Dog } from "./dog.ts";

// A server of your own, such as kurrentdb://localhost:2113?tls=false&name=school; or a double that lives as long as this program.
const { EVENT_STORE_URL: url } = process.env;
await using double = url === undefined ? await startKurrentDouble() : undefined;
await using store = await openFromUrl(url ?? double?.connectionString ?? "");

const views = new Database(process.env["VIEWS"] ?? ":memory:");
views.exec(COUNTS_SQL);
await using runner = createProjectionRunner(counts, { store, sink: createSqliteSink(views) });
await runner.start();

const dogs = createRepository(store, Dog);
const [fido, rex] = [crypto.randomUUID(), crypto.randomUUID()];
await dogs.execute(fido, { type: "RegisterDog", data: { name: "Fido" } });
await dogs.execute(fido, { type: "AddTrick", data: { trick: "roll over" } });
await dogs.execute(fido, { type: "AddTrick", data: { trick: "fetch" } });
await dogs.execute(rex, { type: "RegisterDog", data: { name: "Rex" } });
const { position } = await dogs.execute(rex, { type: "AddTrick", data: { trick: "play dead" } });
await dogs.execute(rex, { type: "RegisterDog", data: { name: "Rex" } }).catch((error) => console.log(String(error)));

const dog = await dogs.load(fido);
console.log(`version ${dog.version}:`, dog.state);

// The counts follow behind. Wait for your own last event before you show them.
await runner.waitFor(position);
for (const row of views.prepare("SELECT what, number FROM counts ORDER BY what").all()) console.log(row);
await runner.stop();
views.close();
