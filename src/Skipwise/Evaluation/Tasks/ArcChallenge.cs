using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>ARC-Challenge: school science questions that retrieval alone does not answer (Clark et al. 2018), 25-shot.</summary>
internal static class ArcChallenge
{
    public static TaskConfig Card { get; } = new()
    {
        Name = "arc_challenge",
        FileNames = ["arc_challenge", "arc_c"],
        Scored = TaskSplit.Test,
        NumFewshot = 25,
        Read = Read,
        Metrics = [TaskMetric.Accuracy, TaskMetric.NormalizedAccuracy],
    };

    /// <remarks>Two public forms: Hugging Face's {question, choices: {text: [], label: []}}, and the benchmark's own {question: {stem,
    /// choices: [{text, label}]}}.</remarks>
    private static TaskDocument Read(LocatedJson row, HarnessVersion harness)
    {
        LocatedJson question = row.Any("question").Unfolded(), choices = (question.IsObject ? question : row).Any("choices").Unfolded();
        string stem = question.IsObject ? question.Any("stem").Text : question.Text;
        string[] texts, labels;
        if (choices.IsArray)
        {
            texts = [.. choices.Items().Select(choice => choice.Any("text").Text)];
            labels = [.. choices.Items().Select(choice => choice.Any("label").Text)];
        }
        else
        {
            texts = [.. choices.Any("text").Texts()];
            labels = [.. choices.Any("label").Texts()];
        }
        string key = row.Any("answerKey", "answer_key").Text;
        int gold = harness == HarnessVersion.V2023 ? "ABCDE".IndexOf(Letter(key), StringComparison.Ordinal) : Array.IndexOf(labels, key);
        return TaskDocument.MultipleChoice(row, $"Question: {stem}\nAnswer:", texts, key.Length > 0 ? gold : -1);
    }

    /// <summary>The letter of a choice; some questions number their choices.</summary>
    private static string Letter(string key) => key is [>= '1' and <= '5'] ? ((char)(key[0] - '1' + 'A')).ToString() : key;
}
