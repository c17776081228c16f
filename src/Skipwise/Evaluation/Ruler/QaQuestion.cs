namespace Skipwise.Evaluation.Ruler;

/// <summary>One question with all accepted answers.</summary>
/// <param name="Gold">documents that hold the answer, by index</param>
/// <param name="Related">documents of the same article, the nearest distractors</param>
public sealed record QaQuestion(string Text, IReadOnlyList<string> Answers, IReadOnlyList<int> Gold, IReadOnlyList<int> Related);
