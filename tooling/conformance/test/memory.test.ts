import { describeEventStore } from "@es/store-conformance";
import { optionsOf } from "../src/right-stores.ts";

describeEventStore("memory", optionsOf("memory"));
describeEventStore("one stream at a time, without conditions", optionsOf("limited"));
describeEventStore("several instances on the same events", optionsOf("shared"));
