using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>LAMBADA: the last word of a passage, predictable only from the whole passage (Paperno et al. 2016). Scores greedy accuracy and
/// perplexity of the word.</summary>
internal static class Lambada
{
    public static TaskConfig Card { get; } = new()
    {
        Name = "lambada",
        FileNames = ["lambada"],
        PreferredWords = ["openai", "default", "en"],
        Scored = TaskSplit.Test,
        Read = Read,
        Metrics = [TaskMetric.Perplexity, TaskMetric.Greedy],
    };

    /// <remarks>Most files hold the whole "text"; some hold it already split.</remarks>
    private static TaskDocument Read(LocatedJson row, HarnessVersion harness)
    {
        string text = row.Find("continuation") is { } continuation
            ? $"{row.Any("context").Text} {WithoutBlank(continuation.Text)}"
            : row.Any("text").Text;
        (string context, string word) = Split(text);
        return TaskDocument.MultipleChoice(row, context, [word], 0);
    }

    private static string WithoutBlank(string continuation) => continuation.StartsWith(' ') ? continuation[1..] : continuation;

    /// <summary>Splits at the last space; a text without one is a word with an empty context.</summary>
    private static (string Context, string Word) Split(string text) =>
        text.LastIndexOf(' ') is var blank and >= 0 ? (text[..blank], text[(blank + 1)..]) : ("", text);
}
