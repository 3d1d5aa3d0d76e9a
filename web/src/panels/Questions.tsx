import { useEffect, useRef } from "preact/hooks";
import { useModel } from "../model/model";
import type { Answer } from "../protocol";

const WANTS: Record<string, string> = {
  fetch: "wants to fetch",
  websocket: "wants to open a WebSocket",
};

const ANSWERS: readonly (readonly [answer: Answer, label: string, tip: string])[] = [
  ["once", "Once", "Allow this one time"],
  ["always", "Always", "Allow the same until this run ends"],
  ["never", "Never", "Refuse the same until this run ends"],
];

/** What the guest wants of the network and was not granted: nothing leaves before the person says yes. */
export function Questions() {
  const model = useModel();
  const questions = model.parts.questions.value;
  const question = questions[0];
  const refuse = useRef<HTMLButtonElement>(null);
  // An Enter that was meant for the guest must not grant anything.
  useEffect(() => refuse.current?.focus(), [question?.id]);
  if (!question) return null;
  return (
    <section
      class="panel glass question"
      role="alertdialog"
      aria-label="The guest asks"
      aria-describedby="question-subject"
      data-testid="question"
    >
      <p>
        The guest {WANTS[question.capability] ?? `wants ${question.capability}`}
        {questions.length > 1 && <span class="faint"> (1 of {questions.length})</span>}
      </p>
      <code id="question-subject">{question.subject}</code>
      <div class="answers">
        {ANSWERS.map(([answer, label, tip]) => (
          <button
            key={answer}
            ref={answer === "never" ? refuse : null}
            class={answer === "never" ? "solid" : ""}
            title={tip}
            onClick={() => model.answer(question.id, answer)}
          >
            {label}
          </button>
        ))}
      </div>
    </section>
  );
}
