namespace Skipwise.Evaluation.Ruler;

/// <summary>One question with every answer that counts.</summary>
/// <param name="Gold">documents that hold the answer, by index</param>
/// <param name="Related">documents of the same article, the nearest distractors</param>
public sealed record QaQuestion(string Text, IReadOnlyList<string> Answers, IReadOnlyList<int> Gold, IReadOnlyList<int> Related);
