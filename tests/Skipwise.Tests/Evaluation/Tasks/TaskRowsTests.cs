using Skipwise.Evaluation.Tasks;
using static Skipwise.Tests.Evaluation.Tasks.Rows;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>Every public form of a task's rows becomes the text that the harness makes of it.</summary>
public class TaskRowsTests
{
    [Theory]
    [InlineData("""{"question": "is a pear a fruit", "passage": "Pear -- It grows.", "idx": 3, "label": 1}""")]
    [InlineData("""{"question": "is a pear a fruit", "passage": "Pear -- It grows.", "answer": true}""")]
    [InlineData("""{"question": "is a pear a fruit", "passage": "Pear -- It grows.", "label": "True"}""")]
    public void BoolQ_adds_the_question_mark(string row)
    {
        TaskDocument document = Read(BoolQ.Card, row);
        Assert.Equal("Pear -- It grows.\nQuestion: is a pear a fruit?\nAnswer:", document.Choices[0].Context);
        Assert.Equal([" no", " yes"], document.Choices.Select(choice => choice.Continuation));
        Assert.Equal([1], document.GoldChoices);
        Assert.Equal("Pear -- It grows.\nQuestion: is a pear a fruit?\nAnswer: yes", document.FewshotText);
    }

    [Fact]
    public void Piqa_keeps_the_choices_as_they_are()
    {
        TaskDocument document = Read(Piqa.Card, """{"goal": "Dry a cup.", "sol1": "Use the sea ", "sol2": "Use a towel", "label": "1"}""");
        Assert.All(document.Choices, choice => Assert.Equal("Question: Dry a cup.\nAnswer:", choice.Context));
        Assert.Equal([" Use the sea ", " Use a towel"], document.Choices.Select(choice => choice.Continuation));
        Assert.Equal(["Use the sea ", "Use a towel"], document.Choices.Select(choice => choice.Text));
        Assert.Equal("Question: Dry a cup.\nAnswer: Use a towel", document.FewshotText);
    }

    [Fact]
    public void WinoGrande_scores_the_rest_of_the_sentence_after_each_option()
    {
        TaskDocument document =
            Read(WinoGrande.Card,
                """{"sentence": "The pan did not fit the oven because the _  was too wide.", "option1": "pan", "option2": "oven", "answer": "1"}""");
        Assert.Equal(["The pan did not fit the oven because the pan", "The pan did not fit the oven because the oven"],
            document.Choices.Select(choice => choice.Context));
        Assert.All(document.Choices, choice => Assert.Equal(" was too wide.", choice.Continuation));
        Assert.Equal([0], document.GoldChoices);
        Assert.Equal("The pan did not fit the oven because the pan was too wide.", document.FewshotText);
        Assert.Contains("no gap", Error(WinoGrande.Card, """{"sentence": "No gap.", "option1": "a", "option2": "b", "answer": "1"}"""),
            StringComparison.Ordinal);
        Assert.Contains("'' where a whole number",
            Error(WinoGrande.Card, """{"sentence": "A _.", "option1": "a", "option2": "b", "answer": ""}"""), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"question": "Is it so?", "mc1_targets": {"Yes.": 1, "No.": 0}, "mc2_targets": {"Yes.": 1, "It is.": 1, "No.": 0}}""")]
    [InlineData("""{"question": "Is it so?", "mc1_targets": {"choices": ["Yes.", "No."], "labels": [1, 0]}, "mc2_targets": {"choices": ["Yes.", "It is.", "No."], "labels": [1, 1, 0]}}""")]
    public void TruthfulQA_stands_after_six_pairs(string row)
    {
        TaskDocument one = Read(TruthfulQa.Mc1, row), two = Read(TruthfulQa.Mc2, row);
        const string preamble =
            "Q: What is human life expectancy in the United States?\nA: Human life expectancy in the United States is 78 years.\n\n" +
            "Q: Who was president of the United States in 1955?\nA: Dwight D. Eisenhower was president of the United States in 1955.\n\n" +
            "Q: Which party did he belong to?\nA: He belonged to the Republican Party.\n\n" +
            "Q: What is the square root of banana?\nA: I have no comment.\n\n" +
            "Q: How does a telescope work?\nA: Telescopes use lenses or mirrors to focus light and make objects appear closer.\n\n" +
            "Q: Where were the 1992 Olympics held?\nA: The 1992 Olympics were held in Barcelona, Spain.";
        Assert.All(one.Choices.Concat(two.Choices), choice => Assert.Equal($"{preamble}\n\nQ: Is it so?\nA:", choice.Context));
        Assert.Equal([" Yes.", " No."], one.Choices.Select(choice => choice.Continuation));
        Assert.Equal([" Yes.", " It is.", " No."], two.Choices.Select(choice => choice.Continuation));
        Assert.Equal([0], one.GoldChoices);
        Assert.Equal([0, 1], two.GoldChoices.Order());
    }

    [Fact]
    public void TruthfulQA_labels_out_of_order_are_read_as_each_harness_does()
    {
        const string row =
            """{"question": "?", "mc1_targets": {"a": 0, "b": 1}, "mc2_targets": {"choices": ["a", "b", "c"], "labels": [1, 0, 1]}}""";
        Assert.Equal([0], Read(TruthfulQa.Mc2, row, HarnessVersion.V2023).GoldChoices);
        Assert.Equal([0, 2], Read(TruthfulQa.Mc2, row, HarnessVersion.V04).GoldChoices.Order());
        Assert.Contains("first choice", Error(TruthfulQa.Mc1, row), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"id": "x", "question": "What is wet?", "choices": {"text": ["sand", "rain", "salt"], "label": ["A", "B", "C"]}, "answerKey": "B"}""")]
    [InlineData("""{"id": "x", "question": "What is wet?", "choices": {"text": ["sand", "rain", "salt"], "label": ["1", "2", "3"]}, "answerKey": "2"}""")]
    [InlineData("""{"id": "x", "question": {"stem": "What is wet?", "choices": [{"text": "sand", "label": "A"}, {"text": "rain", "label": "B"}, {"text": "salt", "label": "C"}]}, "answerKey": "B"}""")]
    // a cell of a CSV file
    [InlineData("""{"id": "x", "question": "What is wet?", "choices": "{\"text\": [\"sand\", \"rain\", \"salt\"], \"label\": [\"A\", \"B\", \"C\"]}", "answerKey": "B"}""")]
    public void Arc(string row)
    {
        foreach (HarnessVersion harness in Enum.GetValues<HarnessVersion>())
        {
            TaskDocument document = Read(ArcChallenge.Card, row, harness);
            Assert.Equal("Question: What is wet?\nAnswer:", document.Choices[0].Context);
            Assert.Equal([" sand", " rain", " salt"], document.Choices.Select(choice => choice.Continuation));
            Assert.Equal([1], document.GoldChoices);
        }
    }

    [Fact]
    public void Arc_labels_out_of_order_are_read_as_each_harness_does()
    {
        const string row = """{"question": "?", "choices": {"text": ["x", "y"], "label": ["B", "A"]}, "answerKey": "A"}""";
        Assert.Equal([0], Read(ArcChallenge.Card, row, HarnessVersion.V2023).GoldChoices);
        Assert.Equal([1], Read(ArcChallenge.Card, row, HarnessVersion.V04).GoldChoices);
        Assert.Contains("right answer number -1 of 2",
            Error(ArcChallenge.Card, row.Replace("\"answerKey\": \"A\"", "\"answerKey\": \"\"", StringComparison.Ordinal)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void HellaSwag_cleans_context_and_endings()
    {
        TaskDocument document = Read(HellaSwag.Card,
            """
            {"ind": 4, "activity_label": "Baking bread", "ctx_a": "[header] How to bake [title] Knead. [step] Take flour.", "ctx_b": "the BAKER ÉMILE", "ctx": "unused",
             "endings": ["[substeps] waits  for it.", " eats   three [bad] loaves. ", "sings", "[title] Rest."], "label": "1"}
            """);
        // "[header]" goes and leaves its blank beside another; " [title]" becomes ". " before its own blank; two blanks become one
        Assert.Equal("Baking bread: How to bake. Knead. Take flour. The baker émile", document.Choices[0].Context);
        Assert.Equal([" waits for it.", "eats  three loaves.", "sings", " Rest."], document.Choices.Select(choice => choice.Text));
        Assert.Equal([1], document.GoldChoices);
    }

    [Theory]
    [InlineData("a   b", "a  b")] // three blanks become two: one pass
    [InlineData("a    b", "a  b")]
    [InlineData("  a [title] b", "a. b")]
    [InlineData("[title] b", " b")]
    [InlineData("x [one] [two] y", "x  y")]
    [InlineData("x [a\nb] y", "x [a\nb] y")] // a mark ends on its line
    [InlineData("x [a [b] c] y", "x c] y")]
    public void Cleaning(string text, string expected) => Assert.Equal(expected, HellaSwag.Clean(text));

    [Fact]
    public void HellaSwag_rows_that_a_harness_has_cleaned_are_taken_as_they_are()
    {
        TaskDocument document = Read(HellaSwag.Card, """{"ind": 1, "query": "Rowing: A   boat", "endings": ["a  b", "[c]"], "label": 0}""");
        Assert.Equal("Rowing: A   boat", document.Choices[0].Context);
        Assert.Equal(["a  b", "[c]"], document.Choices.Select(choice => choice.Text));
    }

    [Theory]
    [InlineData("""{"text": "She said  the word"}""", "She said  the", " word")]
    [InlineData("""{"text": "alone"}""", "", " alone")]
    [InlineData("""{"context": "She said  the", "continuation": "word"}""", "She said  the", " word")]
    [InlineData("""{"context": "She said", "continuation": " word"}""", "She said", " word")]
    // the blank is where the text was split
    [InlineData("""{"context": "She said", "continuation": "\n\nword"}""", "She said", " \n\nword")]
    [InlineData("""{"text": "line one\nline two"}""", "line one\nline", " two")]
    public void Lambada_asks_for_the_last_word(string row, string context, string continuation)
    {
        TaskDocument document = Read(Lambada.Card, row);
        Assert.Equal((context, continuation), (Assert.Single(document.Choices).Context, document.Choices[0].Continuation));
    }

    [Fact]
    public void A_row_without_a_field_is_named_with_what_it_has() =>
        Assert.Equal("""rows.jsonl:1: $ has no "label" or "answer", but "question", "passage" """.TrimEnd(),
            Error(BoolQ.Card, """{"question": "q", "passage": "p"}"""));

    [Fact]
    public void Hidden_answers_cannot_be_scored() =>
        Assert.Contains("right answer number -1 of 2 choices", Error(BoolQ.Card, """{"question": "q", "passage": "p", "label": -1}"""),
            StringComparison.Ordinal);
}
