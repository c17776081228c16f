using System.Globalization;
using Skipwise.Numerics;
using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Needles;

/// <summary>One question about a needle in a haystack, in tokens. Pure: the same settings and haystack give the same prompt.</summary>
/// <param name="Length">tokens that prompt and answer may fill</param>
/// <param name="Depth">fraction of the haystack before the first needle, 0..1</param>
/// <param name="Trial">0, 1, ... within length and depth</param>
/// <param name="Needle">index of the needle that is asked for</param>
/// <param name="Question">the question's text in the prompt</param>
/// <param name="Answer">the answer's text</param>
/// <param name="InputIds">the prompt's tokens, BOS first if the tokenizer adds one</param>
/// <param name="AnswerIds">the answer's tokens after the prompt</param>
internal sealed record NeedlePrompt(int Length, double Depth, int Trial, int Needle, string Question, string Answer, int[] InputIds,
    int[] AnswerIds)
{
    /// <summary>The beginning of EasyContext's prompts.</summary>
    public const string BookPrefix = "This is a very long story book: <book>";

    /// <summary>All prompts of one length. The same trial at different depths has the same numbers and distractors, so its prompts share
    /// their prefix up to the needle.</summary>
    /// <exception cref="SkipwiseException">the length does not hold needles and question</exception>
    public static IReadOnlyList<NeedlePrompt> All(ITokenizer tokenizer, Haystack haystack, int length, NeedleOptions options)
    {
        options.Validate();
        return [.. Enumerable.Range(0, options.Depths).SelectMany(step => Enumerable.Range(0, options.Trials)
            .SelectMany(trial => Draw(tokenizer, haystack, length, step / (options.Depths - 1.0), trial, options)))];
    }

    /// <summary>The prompts of one trial, one per needle with a question. A function of (seed, length, trial) and the depth.</summary>
    public static IReadOnlyList<NeedlePrompt> Draw(ITokenizer tokenizer, Haystack haystack, int length, double depth, int trial,
        NeedleOptions options)
    {
        var rng = new KeyedRandom(options.Seed, stream: (ulong)length, index: (ulong)trial);
        Needle[] needles = [.. options.EffectiveNeedles()];
        for (int i = 0; i < needles.Length; i++)
        {
            needles[i] = needles[i].With(Number(ref rng));
        }
        var distractors = new (int[] Ids, double Depth)[options.Distractors.Count];
        for (int i = 0; i < distractors.Length; i++)
        {
            distractors[i] =
                (tokenizer.Encode(Skipwise.Evaluation.Needles.Needle.Fill(options.Distractors[i], Number(ref rng))), rng.NextDouble());
        }

        int[] prefix =
            [.. tokenizer is { AddsBos: true, BosId: { } bos }
                ? [bos]
                : (int[])[], .. options.Variant == NeedleVariant.EasyContext
                ? tokenizer.Encode(BookPrefix)
                : []];
        (int[] Ids, double Depth)[] hidden =
            [.. needles.Select((needle, i) => (tokenizer.Encode(needle.Text), depth + i * (1 - depth) / needles.Length))];
        (int Needle, int[] Question, int[] Answer)[] asked = [.. needles.Index().Where(needle => needle.Item.Question is not null)
            .Select(needle =>
            {
                (int[] question, int[] answer) = Ask(tokenizer, needle.Item, options.Variant);
                return (needle.Index, question, answer);
            })];

        // Every question of a trial gets the same haystack: the one that fits next to the longest question.
        int taken = prefix.Length + hidden.Sum(needle => needle.Ids.Length) + distractors.Sum(distractor => distractor.Ids.Length)
            + asked.Max(question => question.Question.Length + question.Answer.Length) + options.EffectiveBuffer();
        if (taken >= length)
        {
            throw new SkipwiseException(
                $"Needle length {length} is too short: with this tokenizer needles, question, " +
                $"answer{(options.EffectiveBuffer() > 0 ? $" and a buffer of {options.EffectiveBuffer()}" : "")} take {taken} tokens " +
                $"before any haystack. Ask for a greater length.");
        }
        int[] context = [.. prefix, .. Hide(haystack, haystack.Take(length - taken), [.. hidden, .. distractors])];
        return [.. asked.Select(question => new NeedlePrompt(
            length, depth, trial, question.Needle, needles[question.Needle].Question!, needles[question.Needle].Answer!,
            [.. context, .. question.Question], question.Answer))];
    }

    /// <summary>The text after the haystack, up to the answer.</summary>
    public static string QuestionText(Needle needle, NeedleVariant variant) => variant == NeedleVariant.EasyContext
        ? $"</book>.\n Based on the content of the book, Question: {needle.Question} Answer:{needle.AnswerPrefix}"
        : $"\n\nQuestion: {needle.Question}\nAnswer:{needle.AnswerPrefix}";

    /// <summary>
    /// Encodes question and answer as one text and splits it where the question's own tokens end. Some tokenizers put the space before the
    /// answer into its first token, others make it a token.
    /// </summary>
    private static (int[] Question, int[] Answer) Ask(ITokenizer tokenizer, Needle needle, NeedleVariant variant)
    {
        string question = QuestionText(needle, variant);
        int[] alone = tokenizer.Encode(question), whole = tokenizer.Encode($"{question} {needle.Answer!.TrimStart()}");
        int seam = alone.AsSpan().CommonPrefixLength(whole);
        return (whole[..seam], whole[seam..]);
    }

    /// <summary>Inserts the pieces into the haystack. Places are computed in the haystack alone, so no piece changes another's
    /// depth.</summary>
    private static List<int> Hide(Haystack haystack, int[] tokens, IReadOnlyList<(int[] Ids, double Depth)> pieces)
    {
        var text = new List<int>(tokens.Length);
        int done = 0;
        foreach ((int place, int[] ids) in pieces.Select(piece => (Place: haystack.Place(tokens, piece.Depth), piece.Ids))
            .OrderBy(piece => piece.Place))
        {
            text.AddRange(tokens.AsSpan(done, place - done));
            text.AddRange(ids);
            done = place;
        }
        text.AddRange(tokens.AsSpan(done));
        return text;
    }

    /// <summary>Seven digits.</summary>
    private static string Number(ref KeyedRandom rng) => rng.Between(1_000_000, 9_999_999).ToString(CultureInfo.InvariantCulture);
}
