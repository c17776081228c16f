using Skipwise.Numerics;

namespace Skipwise.Evaluation.Ruler;

/// <summary>qa_1, qa_2: a question over documents, the gold ones among distractors.</summary>
internal sealed class QuestionAnswering(QaSet set) : IRulerGenerator
{
    public int Smallest => 1;

    public int Largest => set.Documents.Count;

    public int? Samples => set.Questions.Count;

    /// <inheritdoc/>
    /// <param name="rng">of this sample alone</param>
    /// <param name="sample">index of the question in its file</param>
    /// <param name="size">number of documents; a question's gold documents are always included</param>
    public RulerText Write(ref KeyedRandom rng, int sample, int size)
    {
        QaQuestion question = set.Questions[sample];
        List<int> chosen = [.. question.Gold];
        int more = Math.Max(0, Math.Min(size, set.Documents.Count) - chosen.Count), related = Math.Min(more, question.Related.Count);
        chosen.AddRange(RulerRandom.Distinct(ref rng, question.Related.Count, related).Select(i => question.Related[i]));
        if (more > related)
        {
            var used = chosen.ToHashSet();
            int[] others = [.. Enumerable.Range(0, set.Documents.Count).Where(document => !used.Contains(document))];
            chosen.AddRange(RulerRandom.Distinct(ref rng, others.Length, more - related).Select(i => others[i]));
        }
        int[] shuffled = [.. chosen];
        rng.Shuffle<int>(shuffled);
        string context = string.Join("\n\n", shuffled.Select((document, i) => $"Document {i + 1}:\n{set.Documents[document]}"));
        const string rule = "Answer the question based on the given documents. Only give me the answer and do not output any other words.";
        return new($"{rule}\n\nThe following are given documents.\n\n{context}\n\n{rule}\n\nQuestion: {question.Text} Answer:",
            question.Answers);
    }
}
