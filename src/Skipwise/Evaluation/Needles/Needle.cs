namespace Skipwise.Evaluation.Needles;

/// <summary>A sentence to hide, and what to ask about it. "{n}" stands for a number of seven digits that every trial draws anew.</summary>
public sealed record Needle
{
    /// <summary>Where a trial's number goes.</summary>
    public const string NumberPlaceholder = "{n}";

    /// <summary>the hidden sentence</summary>
    public required string Text { get; init; }
    /// <summary>asked at the end; null: the sentence is hidden but not asked for</summary>
    public string? Question { get; init; }
    /// <summary>what begins the model's answer</summary>
    public string AnswerPrefix { get; init; } = "";
    /// <summary>what has to follow; null only where nothing is asked</summary>
    public string? Answer { get; init; }

    /// <summary>The needle of one trial.</summary>
    public Needle With(string number) => new()
    {
        Text = Fill(Text, number),
        Question = Question is null ? null : Fill(Question, number),
        AnswerPrefix = Fill(AnswerPrefix, number),
        Answer = Answer is null ? null : Fill(Answer, number),
    };

    public static string Fill(string text, string number) => text.Replace(NumberPlaceholder, number, StringComparison.Ordinal);

    /// <summary>EasyContext's: a number for one city. Needs no judge: the answer is seven digits.</summary>
    public static Needle MagicNumber { get; } = new()
    {
        Text = "\nThe special magic Singapore number is: {n}.\n",
        Question = "What is the special magic Singapore number?",
        AnswerPrefix = " The special magic Singapore number is:",
        Answer = "{n}",
    };

    /// <summary>Kamradt's.</summary>
    public static Needle Sandwich { get; } = new()
    {
        Text = "\nThe best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.\n",
        Question = "What is the best thing to do in San Francisco?",
        AnswerPrefix = " The best thing to do in San Francisco is",
        Answer = "eat a sandwich and sit in Dolores Park on a sunny day.",
    };

    /// <summary>Numbers of other cities, which a model that only looks for "magic number" takes for the right one (EasyContext's, in its
    /// order).</summary>
    public static IReadOnlyList<string> Distractors { get; } =
        [.. ((string[])["New York", "London", "Paris", "Tokyo", "Beijing", "Berlin"])
            .Select(city => $"\nThe special magic {city} number is: {NumberPlaceholder}.\n")];
}
