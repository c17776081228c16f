using Skipwise.Storage;

namespace Skipwise.Evaluation.Ruler;

/// <summary>A set of questions over documents, from the public files of SQuAD or HotpotQA.</summary>
public sealed record QaSet(IReadOnlyList<string> Documents, IReadOnlyList<QaQuestion> Questions)
{
    /// <summary>Reads SQuAD 1.1 or 2.0 (train or dev JSON). Questions without an answer are skipped.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read or has another layout; names the place</exception>
    public static QaSet ReadSquad(string path)
    {
        var documents = new DocumentIndex();
        var questions = new List<QaQuestion>();
        foreach (LocatedJson article in LocatedJson.Read(path).Get("data").Items())
        {
            (int Document, LocatedJson Paragraph)[] paragraphs =
                [.. article.Get("paragraphs").Items().Select(paragraph => (documents.Of(paragraph.Get("context").Text), paragraph))];
            int[] all = [.. paragraphs.Select(paragraph => paragraph.Document).Distinct()];
            foreach ((int document, LocatedJson paragraph) in paragraphs)
            {
                foreach (LocatedJson question in paragraph.Get("qas").Items()
                    .Where(question => !question.Flag("is_impossible", defaultValue: false)))
                {
                    questions.Add(
                        new(question.Get("question").Text,
                            [.. question.Get("answers").Items().Select(answer => answer.Get("text").Text).Distinct()],
                        [document], [.. all.Where(other => other != document)]));
                }
            }
        }
        return Checked(path, documents, questions);
    }

    /// <summary>Reads HotpotQA (JSON list of questions with their context). All documents of a question's context are gold, as in
    /// RULER.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read or has another layout; names the place</exception>
    public static QaSet ReadHotpot(string path)
    {
        var documents = new DocumentIndex();
        var questions = new List<QaQuestion>();
        foreach (LocatedJson question in LocatedJson.Read(path).Items())
        {
            var context = new List<int>();
            foreach (LocatedJson document in question.Get("context").Items())
            {
                LocatedJson[] parts = [.. document.Items()];
                if (parts.Length != 2)
                {
                    throw document.Error($"has {parts.Length} members where a title and a list of sentences were expected");
                }
                context.Add(documents.Of($"{parts[0].Text}\n{string.Concat(parts[1].Items().Select(sentence => sentence.Text))}"));
            }
            questions.Add(new(question.Get("question").Text, [question.Get("answer").Text], [.. context.Distinct()], []));
        }
        return Checked(path, documents, questions);
    }

    private static QaSet Checked(string path, DocumentIndex documents, List<QaQuestion> questions)
    {
        questions.RemoveAll(question => !question.Answers.Any(answer => answer.Length > 0));
        return questions.Count > 0
            ? new(documents.All, questions)
            : throw new SkipwiseException($"{path}: holds no question that has an answer");
    }

    /// <summary>Assigns each distinct document text one index.</summary>
    private sealed class DocumentIndex
    {
        private readonly Dictionary<string, int> _places = [];

        public List<string> All { get; } = [];

        public int Of(string document)
        {
            if (!_places.TryGetValue(document, out int place))
            {
                _places[document] = place = All.Count;
                All.Add(document);
            }
            return place;
        }
    }
}
