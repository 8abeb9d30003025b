// The main job in TypeScript: from a case that is told to what came of it, by types that are generated alone.
import createClient from "openapi-fetch";
import type { components, paths } from "./lava";

type Problem = components["schemas"]["Problem"];
type Answer<Data> = { data?: Data; error?: Problem; response: Response };

const decided = "Aluehallitus";
const key = { source: "ahjo", diary_number: "77/00.01.02/2026" };
const today = process.env.TODAY ?? "";

function client(role: string) {
  const headers = { Authorization: `Bearer ${process.env[role]}` };
  return createClient<paths, "application/json" | "application/problem+json">({ baseUrl: process.env.LAVA, headers });
}

const [system, preparer, expert] = [client("INTEGRATION"), client("PREPARER"), client("EXPERT")];

function got<Data>(answer: Answer<Data>): Data {
  if (answer.error !== undefined) throw new Error(`${answer.error.type}: ${answer.error.detail}`);
  if (answer.data === undefined) throw new Error(`${answer.response.status} without a body`);
  return answer.data;
}

function refused(status: number, code: string, answer: Answer<unknown>): Problem {
  const { error, response } = answer;
  if (response.status !== status || error?.type !== `urn:lava:problem:${code}`) {
    throw new Error(`expected ${status} ${code}, got ${response.status} ${error?.type}`);
  }
  return error;
}

function same<Value>(found: Value, wanted: Value): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`expected ${other}, got ${one}`);
}

const ofVersion = (thing: { version: number }) => ({ "If-Match": `"${thing.version}"` });

async function missing(): Promise<string[]> {
  const read = got(await system.GET("/api/v1/cases", { params: { query: key } }));
  return read.decisions.flatMap((decision) => decision.missing.map((step) => step.code));
}

const facts: components["schemas"]["CaseFacts"] = {
  source_version: 7,
  title: { fi: "Neuvolan toimipisteen sulkeminen" },
  body: decided,
  meeting_date: today,
  status: "in_preparation",
};
const told = got(await system.PUT("/api/v1/cases", { params: { query: key }, body: facts }));
same(told.outcome, "created");
same(await missing(), ["screen"]);
const nonsense = await system.PUT("/api/v1/cases", { params: { query: key }, body: { title: { en: "No Finnish" } } });
same(refused(422, "invalid", nonsense).errors?.map((fault) => fault.pointer), ["/title"]);

const atDecision = { decision_id: told.decision.decision_id };
const option = got(
  await preparer.POST("/api/v1/decisions/{decision_id}/options", {
    params: { path: atDecision },
    body: { code: "VE1", title: { fi: "Toimipiste suljetaan" } },
  }),
);
const start = () =>
  preparer.POST("/api/v1/decisions/{decision_id}/assessments", {
    params: { path: atDecision, header: { "Idempotency-Key": "start-77" } },
    body: { extent: "light" },
  });
const started = got(await start());
const again = await start();
same(got(again).id, started.id);
same(again.response.headers.get("Idempotent-Replayed"), "true");

const at = { assessment_id: started.id };
const screened = got(
  await preparer.PUT("/api/v1/assessments/{assessment_id}/screening", {
    params: { path: at, header: ofVersion(started) },
    body: {
      answers: {
        touches_children: "yes",
        touches_families: "yes",
        changes_service: "yes",
        vulnerable_groups: "unsure",
        long_term: "yes",
        other_impacts: "no",
      },
      outcome: "needed",
      reason: "Koskee pieniä lapsia.",
    },
  }),
);
const drafting = got(
  await preparer.POST("/api/v1/assessments/{assessment_id}/drafting", {
    params: { path: at, header: ofVersion(screened) },
  }),
);
got(
  await preparer.PATCH("/api/v1/assessments/{assessment_id}", {
    params: { path: at, header: ofVersion(drafting) },
    headers: { "Content-Type": "application/merge-patch+json" },
    body: {
      summary: "Neuvola siirtyy.",
      best_interests: "Palvelu lähellä kotia.",
      follow_up_plan: "Vuoden kuluttua.",
    },
  }),
);
got(
  await preparer.POST("/api/v1/assessments/{assessment_id}/impacts", {
    params: { path: at },
    body: {
      option_id: option.id,
      description: "Matka pitenee.",
      impact_class: "direct",
      direction: "negative",
      magnitude: "moderate",
      likelihood: "likely",
      term: "short",
      age_groups: ["0-6"],
    },
  }),
);
got(
  await preparer.POST("/api/v1/assessments/{assessment_id}/hearings", {
    params: { path: at },
    body: { party: "children", who: "Nuorisovaltuusto", method: "youth_council", views: "Lähelle." },
  }),
);
const recommendation = got(
  await preparer.POST("/api/v1/assessments/{assessment_id}/recommendations", {
    params: { path: at },
    body: { kind: "change", text: "Säilytetään kerran viikossa." },
  }),
);
same(await missing(), ["write", "approve"]);

const statement = () =>
  system.GET("/api/v1/assessments/{assessment_id}/statement", { params: { path: at, query: { lang: "sv" } } });
refused(409, "not_sealed", await statement());
const written = got(await preparer.GET("/api/v1/assessments/{assessment_id}", { params: { path: at } }));
const stale = { params: { path: at, header: { "If-Match": '"1"' } } };
refused(412, "stale", await preparer.POST("/api/v1/assessments/{assessment_id}/submission", stale));
const submitted = got(
  await preparer.POST("/api/v1/assessments/{assessment_id}/submission", {
    params: { path: at, header: ofVersion(written) },
  }),
);
got(
  await expert.POST("/api/v1/assessments/{assessment_id}/approval", {
    params: { path: at, header: ofVersion(submitted) },
  }),
);
same(await missing(), []);
same(got(await statement()).diary_number, key.diary_number);

const decision = got(await system.GET("/api/v1/decisions/{decision_id}", { params: { path: atDecision } }));
const handling = got(
  await system.POST("/api/v1/decisions/{decision_id}/handlings", {
    params: { path: atDecision, header: ofVersion(decision) },
    body: {
      body: decided,
      meeting_date: today,
      outcome: "decided",
      section: "65",
      option_id: option.id,
      answers: [{ recommendation_id: recommendation.id, answer: "followed" }],
    },
  }),
);
same(handling.uncleared, false);
const opened = got(await preparer.POST("/api/v1/decisions/{decision_id}/follow-ups", { params: { path: atDecision } }));
same(opened.decision_id, atDecision.decision_id);

const types: string[] = [];
let [after, more]: [string | undefined, boolean] = [undefined, true];
while (more) {
  const page: components["schemas"]["EventPage"] = got(
    await system.GET("/api/v1/events", { params: { query: { after, limit: 10 } } }),
  );
  types.push(...page.items.map((event) => event.type));
  [after, more] = [page.cursor, page.more];
}
console.log(types.filter((name) => /^(decision|follow_up)\./.test(name)).join(" "));
