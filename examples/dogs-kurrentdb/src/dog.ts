import { defineAggregate, defineEvents } from "@es/core";
import * as z from "zod";

const name = z.object({ name: z.string().min(1) });
const trick = z.object({ trick: z.string().min(1) });

/** What can happen to a dog. */
export const dogEvents = defineEvents({ DogRegistered: name, TrickAdded: trick });

const state = z.object({ name: z.string(), tricks: z.array(z.string()) });

/** A dog of the training school: it is registered once, and learns each trick once. */
export const Dog = defineAggregate({
  name: "dog",
  events: dogEvents,
  commands: { RegisterDog: name, AddTrick: trick },
  state,
  initialState: (): z.infer<typeof state> => ({ name: "", tricks: [] }),
  evolve: {
    DogRegistered: (dog, { data }) => ({ ...dog, name: data.name }),
    TrickAdded: (dog, { data }) => ({ ...dog, tricks: [...dog.tricks, data.trick] }),
  },
  decide: {
    RegisterDog({ data }, dog) {
      if (dog.name !== "") throw new Error(`${dog.name} is registered already`);
      return { type: "DogRegistered", data };
    },
    AddTrick({ data }, dog) {
      if (dog.name === "") throw new Error("a dog must be registered before it learns a trick");
      return dog.tricks.includes(data.trick) ? [] : { type: "TrickAdded", data };
    },
  },
});
