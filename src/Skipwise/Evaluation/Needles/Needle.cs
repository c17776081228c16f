namespace Skipwise.Evaluation.Needles;

/// <summary>A sentence to hide, with a question about it. "{n}" is replaced by a seven-digit number that is drawn for every
/// trial.</summary>
public sealed record Needle
{
    /// <summary>The placeholder of a trial's number.</summary>
    public const string NumberPlaceholder = "{n}";

    /// <summary>the hidden sentence</summary>
    public required string Text { get; init; }
    /// <summary>asked at the end; null: the sentence is hidden but not asked for</summary>
    public string? Question { get; init; }
    /// <summary>the beginning of the model's answer, part of the prompt</summary>
    public string AnswerPrefix { get; init; } = "";
    /// <summary>the expected continuation; null only if there is no question</summary>
    public string? Answer { get; init; }

    /// <summary>The needle of one trial, with this number in place of <see cref="NumberPlaceholder"/>.</summary>
    public Needle With(string number) => new()
    {
        Text = Fill(Text, number),
        Question = Question is null ? null : Fill(Question, number),
        AnswerPrefix = Fill(AnswerPrefix, number),
        Answer = Answer is null ? null : Fill(Answer, number),
    };

    /// <summary>The text with the number in place of <see cref="NumberPlaceholder"/>.</summary>
    public static string Fill(string text, string number) => text.Replace(NumberPlaceholder, number, StringComparison.Ordinal);

    /// <summary>EasyContext's needle: a number for one city. The answer is seven digits, so no judge model is needed.</summary>
    public static Needle MagicNumber { get; } = new()
    {
        Text = "\nThe special magic Singapore number is: {n}.\n",
        Question = "What is the special magic Singapore number?",
        AnswerPrefix = " The special magic Singapore number is:",
        Answer = "{n}",
    };

    /// <summary>Kamradt's needle.</summary>
    public static Needle Sandwich { get; } = new()
    {
        Text = "\nThe best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.\n",
        Question = "What is the best thing to do in San Francisco?",
        AnswerPrefix = " The best thing to do in San Francisco is",
        Answer = "eat a sandwich and sit in Dolores Park on a sunny day.",
    };

    /// <summary>Numbers of other cities (EasyContext's, in its order). They mislead a model that only looks for "magic number".</summary>
    public static IReadOnlyList<string> Distractors { get; } =
        [.. ((string[])["New York", "London", "Paris", "Tokyo", "Beijing", "Berlin"])
            .Select(city => $"\nThe special magic {city} number is: {NumberPlaceholder}.\n")];
}
