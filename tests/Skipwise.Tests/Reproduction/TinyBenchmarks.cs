namespace Skipwise.Tests.Reproduction;

/// <summary>The six benchmarks of table 3 with questions that mean nothing, as many as few-shot prompts draw from.</summary>
internal static class TinyBenchmarks
{
    private const int Questions = 30;

    /// <summary>Writes one file per benchmark and split.</summary>
    /// <returns>the folder</returns>
    public static string Write(string folder)
    {
        Directory.CreateDirectory(folder);
        Lines("boolq_validation", i => $$"""{"question": "is {{i}} a fruit", "passage": "It is {{i}}.", "label": {{i % 2}}}""");
        Lines("piqa_validation", i => $$"""{"goal": "Dry cup {{i}}.", "sol1": "Use the sea", "sol2": "Use a towel", "label": {{i % 2}}}""");
        Lines("winogrande_validation", i =>
            $$"""{"sentence": "Pan {{i}} and oven: the _ was wide.", "option1": "pan", "option2": "oven", "answer": "{{1 + (i % 2)}}"}""");
        Lines("truthfulqa_validation", i => $$$"""
            {"question": "Is it {{{i}}}?", "mc1_targets": {"Yes.": 1, "No.": 0}, "mc2_targets": {"Yes.": 1, "It is.": 1, "No.": 0}}
            """);
        foreach (string split in (string[])["test", "train"])
        {
            Lines($"arc_challenge_{split}", i => $$"""
                {"id": "{{i}}", "question": "What is {{i}}?", "choices": {"text": ["sand", "rain"], "label": ["A", "B"]}, "answerKey": "B"}
                """);
        }
        foreach (string split in (string[])["validation", "train"])
        {
            Lines($"hellaswag_{split}", i => $$"""
                {"activity_label": "Work {{i}}", "ctx_a": "She sits.", "ctx_b": "She", "endings": ["sings.", "runs."], "label": "{{i % 2}}"}
                """);
        }
        return folder;

        void Lines(string name, Func<int, string> row) =>
            File.WriteAllLines(Path.Combine(folder, $"{name}.jsonl"), Enumerable.Range(0, Questions).Select(row));
    }
}
