using Skipwise.Evaluation.Ruler;

namespace Skipwise.Tests.Evaluation.Ruler;

public sealed class QaSetTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Write(string json)
    {
        File.WriteAllText(_folder["qa.json"], json);
        return _folder["qa.json"];
    }

    [Fact]
    public void Squad_gives_paragraphs_and_the_questions_that_have_answers()
    {
        QaSet set = QaSet.ReadSquad(Write("""
            {"version": "v2.0", "data": [
              {"title": "A", "paragraphs": [
                {"context": "one", "qas": [
                  {"id": "1", "question": "Q1?", "is_impossible": false, "answers": [{"text": "x", "answer_start": 0}, {"text": "x", "answer_start": 0}, {"text": "the x", "answer_start": 0}]},
                  {"id": "2", "question": "Q2?", "is_impossible": true, "answers": [], "plausible_answers": [{"text": "y", "answer_start": 0}]}]},
                {"context": "two", "qas": []}]},
              {"title": "B", "paragraphs": [{"context": "three", "qas": [{"id": "3", "question": "Q3?", "answers": [{"text": "z", "answer_start": 0}]}]}, {"context": "one", "qas": []}]}]}
            """));
        Assert.Equal(["one", "two", "three"], set.Documents);
        Assert.Equal(["Q1?", "Q3?"], set.Questions.Select(question => question.Text));
        Assert.Equal(["x", "the x"], set.Questions[0].Answers);
        Assert.Equal([0], set.Questions[0].Gold);
        Assert.Equal([1], set.Questions[0].Related);
        Assert.Equal([0], set.Questions[1].Related);
    }

    [Fact]
    public void Hotpot_gives_titles_with_their_sentences()
    {
        QaSet set = QaSet.ReadHotpot(Write("""
            [{"_id": "1", "question": "Q?", "answer": "yes", "type": "bridge", "supporting_facts": [["T1", 0]], "context": [["T1", ["First.", " Second."]], ["T2", ["Third."]]]}]
            """));
        Assert.Equal(["T1\nFirst. Second.", "T2\nThird."], set.Documents);
        QaQuestion question = Assert.Single(set.Questions);
        Assert.Equal("Q?", question.Text);
        Assert.Equal(["yes"], question.Answers);
        Assert.Equal([0, 1], question.Gold);
    }

    [Theory]
    [InlineData("[]", "$")]
    [InlineData("{\"data\": [{\"paragraphs\": [{\"context\": 3}]}]}", "$.data[0].paragraphs[0].context")]
    [InlineData("{\"data\": []}", "no question")]
    [InlineData("{", "broken JSON")]
    public void Another_layout_is_named(string json, string place) =>
        Assert.Contains(place, Assert.Throws<SkipwiseException>(() => QaSet.ReadSquad(Write(json))).Message);

    [Fact]
    public void A_hotpot_document_has_two_parts() =>
        Assert.Contains("$[0].context[0]",
            Assert.Throws<SkipwiseException>(() =>
                QaSet.ReadHotpot(Write("""[{"question": "Q?", "answer": "a", "context": [["T"]]}]"""))).Message);

    public void Dispose() => _folder.Dispose();
}
