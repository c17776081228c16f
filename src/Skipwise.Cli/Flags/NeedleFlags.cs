using System.CommandLine;
using Skipwise.Evaluation.Needles;

namespace Skipwise.Cli.Flags;

/// <summary>What is hidden, and what is asked about it.</summary>
internal sealed class NeedleFlags(Command command)
{
    private readonly Flag<string[]> _needles =
        command.Texts("--needle", "text",
            "sentence to hide, may be repeated; {n} is replaced by a random number, a new one per prompt (\\n for a newline) " +
            "[default: the variant's own]").Sets(nameof(NeedleOptions.Needles));
    private readonly Flag<string[]> _questions =
        command.Texts("--question", "text", "question about the needle; one per needle, or one for all needles")
        .Sets(nameof(Needle.Question));
    private readonly Flag<string[]> _answers = command.Texts("--answer", "text", "gold answer; one per question")
        .Sets(nameof(Needle.Answer));
    private readonly Flag<string?> _file =
        command.Text("--needle-file", "file",
            "needles as JSON lines with the fields needle, question, answer, and lead (the beginning of the model's answer)");
    private readonly Flag<int> _count =
        command.Integer("--num-distractors", "number of sentences like the default needle, with other cities and numbers; 0 to 6", 0);
    private readonly Flag<string[]> _distractors =
        command.Texts("--distractor", "text", "a distracting sentence of your own, may be repeated")
        .Sets(nameof(NeedleOptions.Distractors));

    /// <summary>Empty stands for the variant's own.</summary>
    /// <exception cref="SkipwiseException">needles, questions and answers do not belong together</exception>
    public IReadOnlyList<Needle> Needles(ParseResult parse)
    {
        string[] needles = Texts(_needles, parse), questions = Texts(_questions, parse), answers = Texts(_answers, parse);
        if (_file.ValueOf(parse) is { } file)
        {
            return needles.Length + questions.Length + answers.Length == 0
                ? NeedleFile.Read(file)
                : throw new SkipwiseException(
                    "--needle-file FILE holds needles, questions and answers: leave out --needle, --question and --answer.");
        }
        if (questions.Length != answers.Length || questions.Length != needles.Length && (questions.Length != 1 || needles.Length == 0))
        {
            throw new SkipwiseException(
                $"{needles.Length} --needle, {questions.Length} --question and {answers.Length} --answer were given: give one question " +
                $"and answer per needle, or one of each for all needles.");
        }
        return [.. needles.Select((needle, i) =>
            new Needle { Text = needle, Question = questions.ElementAtOrDefault(i), Answer = answers.ElementAtOrDefault(i) })];
    }

    /// <exception cref="SkipwiseException">more distractors than there are</exception>
    public IReadOnlyList<string> Distractors(ParseResult parse)
    {
        int count = _count.ValueOf(parse);
        return count >= 0 && count <= Needle.Distractors.Count
            ? [.. Needle.Distractors.Take(count), .. Texts(_distractors, parse)]
            : throw new SkipwiseException(
                $"--num-distractors {count}: there are 0 to {Needle.Distractors.Count}; add your own with --distractor.");
    }

    private static string[] Texts(Flag<string[]> flag, ParseResult parse) =>
        [.. flag.ValueOf(parse).Select(text => DataFlags.Unescaped(text)!)];
}
