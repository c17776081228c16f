namespace Skipwise.Evaluation.Tasks;

/// <summary>A question as it is asked: which one, and the examples before it.</summary>
/// <param name="Index">in the data set</param>
/// <param name="FewshotIndices">examples, as indices into the pool</param>
/// <param name="FewshotContext">their text, up to where the question begins</param>
internal sealed record TaskPrompt(int Index, TaskDocument Document, IReadOnlyList<int> FewshotIndices, string FewshotContext);
