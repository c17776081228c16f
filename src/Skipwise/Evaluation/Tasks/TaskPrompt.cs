namespace Skipwise.Evaluation.Tasks;

/// <summary>A question with the few-shot examples before it.</summary>
/// <param name="Index">index in the dataset</param>
/// <param name="FewshotIndices">examples, as indices into the pool</param>
/// <param name="FewshotContext">their text, up to the question</param>
internal sealed record TaskPrompt(int Index, TaskDocument Document, IReadOnlyList<int> FewshotIndices, string FewshotContext);
