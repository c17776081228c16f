using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>
/// WinoGrande: whom a gap in a sentence refers to (Sakaguchi et al. 2019), by partial scoring (Trinh, Le 2018). Each option fills the gap,
/// and the likelihood of the rest of the sentence decides. The rest is the same for both options, so there is no length normalization.
/// </summary>
internal static class WinoGrande
{
    public static TaskConfig Card { get; } = new()
    {
        Name = "winogrande",
        FileNames = ["winogrande"],
        PreferredWords = ["xl"],
        Scored = TaskSplit.Validation,
        DrawsExtraShot = true,
        Read = Read,
        Metrics = [TaskMetric.Accuracy],
    };

    private static TaskDocument Read(LocatedJson row, HarnessVersion harness)
    {
        string sentence = row.Any("sentence").Text;
        int gap = sentence.IndexOf('_', StringComparison.Ordinal);
        if (gap < 0)
        {
            throw row.Error($"has no gap '_' in its sentence '{sentence}'");
        }
        string rest = " " + PythonText.Trim(sentence[(gap + 1)..]);
        Choice[] choices =
            [.. new[] { "option1", "option2" }.Select(option => new Choice(sentence[..gap] + row.Any(option).Text, rest, rest))];
        int gold = row.Any("answer").Index() - 1;
        if (gold is not (0 or 1))
        {
            throw row.Error($"has answer {gold + 1} where 1 or 2 was expected; a split without answers cannot be scored");
        }
        return new()
        {
            Choices = choices,
            GoldChoices = new HashSet<int> { gold },
            FewshotText = choices[gold].Context + rest,
            Row = row.Raw
        };
    }
}
