"""Writes short, coherent stories from plots with many alternatives.

    python grammar_stories.py OUT.jsonl --count 30000 --seed 1

`[a|b|c]` picks one alternative (they nest), `{slot}` is a fact of the story.
"""
import argparse
import json
import random
import re

GIRLS = "Lily Mia Anna Lucy Sara Ella Sue Emma Daisy Molly Mary Kate Nina Rose Jenny Zoe Alice Grace Ruby Clara Mandy Polly Lola Ida Freya Sofia Maya Nora Hannah Eva".split()
BOYS = "Tim Ben Tom Sam Max Jack Leo Bob Tommy Billy Johnny Peter Fred Joe Benny Charlie Mark Toby Henry Oliver Felix Jim Andy Nick Ted Oscar Adam Paul Erik Simon".split()
ANIMALS = "fox bear dog cat rabbit mouse frog duck lion horse pig sheep owl squirrel turtle monkey elephant puppy kitten wolf goat hen hedgehog penguin donkey".split()
SMALL = "bird bee butterfly ant mouse snail duckling kitten rabbit squirrel beetle lamb".split()
FOODS = "apples;berries;carrots;cookies;nuts;pears;strawberries;pancakes;honey cakes;cherries".split(";")
TOYS = "red ball;blue kite;wooden boat;toy car;soft teddy bear;little drum;yellow truck;doll;paper plane;toy train;silver bell;magic box;warm scarf;green hat;story book".split(";")
PLACES = "the forest;the park;the garden;the river;the lake;the hill;the meadow;the beach;the farm;the old bridge".split(";")
SEARCH = "under the bed;behind the door;in the kitchen;in the garden;under the big tree;near the well;behind the barn;in the tall grass;on the shelf;in the basket".split(";")

OPEN = [
    "[Once upon a time,|Once,|Long ago,] there [was|lived] a {adj} {kind} named {name}.",
    "{name} was a {adj} {kind} who lived [near {place}|in a small house|in a little village|with {his} family].",
    "[One day,|One morning,|One sunny day,] a {adj} {kind} named {name} [went for a walk|woke up early|looked out of the window].",
    "There was once a {adj} {kind}. {His} name was {name}.",
    "A {adj} {kind} named {name} lived [near {place}|in a small village|at the edge of the forest].",
    "The {adj} {kind} was called {name}. {He} lived [near {place}|in a quiet place|in a cozy little house].",
    "In a [small town|quiet village|green valley|house by the sea], there lived a {adj} {kind} named {name}.",
]
END = [
    "From that day on, {name} [was never lonely again|always remembered that day|knew that kind words can change everything].",
    "{name} went to bed with a [big smile|warm heart|happy sigh]. It had been a [very good|wonderful|long but lovely] day.",
    "And {name} and {friend} were [best friends|good friends] forever.",
    "They [laughed and danced|sang a song together|played] until the sun went down.",
    "That night, {name} [slept very well|dreamed of new adventures|told the whole story to {his} mother].",
    "And they all lived happily ever after.",
    "{name} smiled. \"[This was the best day ever|I am so lucky to have a friend like you|Tomorrow we will do it again],\" {he} said.",
    "{name} learned that [it is good to help others|sharing makes everyone happy|it is brave to ask for help|we should always tell the truth|you should never give up].",
]
SKY = "[The sun was shining|The sky was blue|The birds were singing|It was a warm day|The wind was soft and cool|It was a cold morning|The air smelled of flowers]."

PLOTS = {
    "lost": """{name} had a {toy} and {he} loved it very much. [Every day, {he} played with it near {place}.|{He} took it everywhere.|It was a gift from {his} grandmother.]
        [One day,|But one morning,] the {toy} was gone! {name} looked {spot1}, but it was not there. {He} looked {spot2}, but [it was not there either|found only some dust|there was nothing]. {name} [began to cry|felt very sad|sat down and sighed].
        {Friend} came by and asked, "[Why are you sad|What is wrong|Why are you crying], {call}?" "I lost my {toy}," said {name}. "[Do not worry|Don't be sad|Dry your tears]," said {friend}. "[I will help you look for it|We will find it together|Let us look again]."
        They looked and looked. [At last,|Then,|After a while,] {friend} saw something {spot3}. It was the {toy}! {name} [jumped up and down|clapped with joy|hugged {friend}]. "[Thank you so much|Oh, thank you|You are a true friend]!" {he} said.""",
    "rescue": """[One day,|One morning,|One afternoon,] {name} was walking [to|near] {place}. """ + SKY + """ [Suddenly,|Then] {he} heard a small voice. "[Help|Please help me|Help me]!" It was a little {small}. [Its foot was stuck under a stone.|It was caught in a bush.|It had fallen into a deep hole.|It was too tired to walk home.]
        {name} [felt sorry for the {small}|wanted to help|did not think twice]. "[Do not be afraid|Stay still|Don't worry]," said {name}. "[I will help you|I will get you out]." {He} [pulled and pulled|worked slowly and carefully|used a long stick], and soon the {small} was [free|safe].
        "[Thank you|You are very kind]," said the {small}. "[One day I will help you too|I will never forget this]." {name} [laughed|smiled]. "[You are so small|How can you help me]?" {he} said.
        [A week later,|The next day,|Not long after that,] {name} [got lost in the dark forest|could not find the way home|was lost in the fog]. {He} was [scared|cold and afraid]. Then the little {small} came and said, "[Follow me|Come with me]. I know the way." It led {name} [all the way home|safely back home]. "[Even small friends can be a big help|I was wrong to laugh|Now I see that you are a great friend]," said {name}.""",
    "share": """{name} [found|had|picked] a basket of {food}. [They looked sweet and fresh.|They smelled so good.|There were so many of them!] {Friend} [came along|saw the basket] and asked, "May I have some {food}, please?"
        "No!" said {name}. "[They are all mine|I want them all for myself]." {Friend} [walked away sadly|was sad and went home|said nothing and left]. {name} ate and ate. Soon {his} [tummy hurt|belly was too full], and {he} [felt sick and lonely|had nobody to play with].
        {name} thought about {friend}. "[I was not kind|I should have shared|That was not nice of me]," {he} said. So {he} took the rest of the {food} and went to {friend}'s [house|home]. "[I am sorry|Please forgive me]," said {name}. "[Let us share|These are for you]." {Friend} smiled and [said, "Thank you."|gave {name} a hug.|said, "I forgive you."] They sat [under a tree|in the grass|by the fire] and ate the {food} together. They tasted [much better|even sweeter] that way.""",
    "fear": """{name} was afraid of {fear}. [When other children laughed about it, {he} felt sad.|{He} did not tell anyone.|Every night {he} thought about it.]
        [One day,|One evening,] {friend} said, "[Come with me|Do not be afraid|I was afraid once too]. [I will hold your hand|I will stay with you|We can be brave together]." {name} [took a deep breath|was still scared, but nodded|closed {his} eyes and counted to three]. [Step by step|Slowly|Little by little], {he} [felt better|became brave|stopped shaking].
        "[Look|See]!" said {friend}. "[You did it|It is not so bad|There is nothing to fear]!" {name} opened {his} eyes [wide|and laughed]. {He} was not afraid anymore. "[I am brave|I did it|That was fun]!" {he} [shouted|said proudly].""",
    "grow": """[One day,|In the spring,|One spring morning,] {name} found a tiny seed [near {place}|on the path|near the old wall]. "[What will you be|I will take care of you]?" {he} [wondered|said]. {He} planted the seed in the [garden|warm ground|soft earth] and gave it water.
        [Every day,|Each morning,] {name} looked at the ground, but [nothing happened|there was only mud|no leaf came up]. {Friend} said, "[Be patient|You must wait|Give it time]. [Good things take time|A seed needs sun and water]." So {name} waited. [It rained.|The sun shone.|Days went by.] [Then, one morning,|At last,] there was a small green leaf!
        The plant grew [taller and taller|bigger every day]. [In the summer,|Soon,] it was a [beautiful flower|tall tree full of {food}|big sunflower]. [Bees and birds came to visit.|Everyone came to look at it.] {name} was [very proud|so happy]. "[I only had to wait|Thank you for telling me to wait]," {he} said to {friend}.""",
    "king": """[Once upon a time, there was an old {ruler}|The old {ruler} lived in a great castle|Long ago, an old {ruler} lived in a castle on a hill]. The {ruler} had [gold and silver|many rooms and many servants|everything one could buy], but [was always sad|never smiled|could not sleep at night]. "[Who can make me happy|Who can help me]?" asked the {ruler}. "[I will give a bag of gold to the one who can|Whoever helps me shall have half of my gold]."
        [Many people came.|People came from far away.] [A doctor brought medicine|A rich man brought jewels|A clown told jokes], but it did not help. [A singer sang|A cook made a great cake|A wise man read from a thick book], but the {ruler} [still did not smile|only shook {rhis} head].
        Then a {adj} {kind} named {name} came to the castle. "[Come outside with me|Walk with me]," said {name}. They [went to {place}|walked through the village]. The {ruler} [helped to pick {food}|played with the children|talked with the people|fed the ducks]. [For the first time in many years|Little by little], the {ruler} began to [smile|laugh]. "[I was lonely in my castle|I had forgotten how good it is to have friends]," said the {ruler}. "[What do you want as your reward|Here is your gold]?" "[I only want to be your friend|I do not need gold|Please share the gold with the poor]," said {name}.""",
    "storm": """{name} and {friend} were playing near {place}. """ + SKY + """ [Then|Suddenly] dark clouds came, and [the wind began to blow|thunder rolled over the hills|it started to rain]. "[We must go home|Quick, let us run|We need to find a dry place]!" said {friend}.
        They ran [as fast as they could|through the rain|hand in hand] and found [an old barn|a small cave|a big tree with thick leaves]. They sat close together [to keep warm|and listened to the rain|and told each other stories]. {name} had some {food} in {his} bag, and they shared them.
        [After a while,|Soon,|When the rain stopped,] the sun came out again. In the sky there was a [beautiful|big bright] rainbow. "[Look|How pretty]!" said {name}. "[Red, orange, yellow, green and blue|Without the rain there would be no rainbow]!" They [jumped in the puddles|splashed through the puddles] all the way home.""",
    "gift": """[It was {friend}'s birthday.|Tomorrow was {friend}'s birthday.] {name} wanted to give {friend} a present, but {he} had no money. "[What can I do|What can I give]?" {he} [thought|asked {his} mother]. "[You can make something|The best gift comes from the heart]," said {his} mother.
        So {name} [worked all day|got to work|took paper, glue and paint]. {He} [baked a cake with {food}|made a card with a big red heart|painted a picture of {place}|made a necklace of shells]. [It was not easy|It took a long time|{He} made a big mess], but [at last it was done|{name} did not give up].
        {name} gave the present to {friend}. "[I made it myself|This is for you|Happy birthday]," {he} said [shyly|with a smile]. {Friend} [looked at it for a long time|opened it slowly|could not believe it]. "[This is the best gift of all|It is beautiful|I love it]!" said {friend}.""",
    "truth": """{name} was [playing with a ball|running|dancing] in the house. [Mom had said, "Do not play in here."|{He} knew that {he} should not.] Crash! {His} mother's [blue vase|favorite cup|little lamp] fell [down|on the floor] and broke. {name} [was scared|did not know what to do|hid the pieces under the rug].
        When {his} mother came home, she asked, "[What happened here|Who broke it|Did you hear that noise]?" {name} wanted to say that [the cat|the wind|{friend}] had done it. But {his} [heart beat fast|face turned red|tummy felt bad]. "[I did it|It was me], Mom," {he} said [quietly|at last]. "I am [so|very] sorry."
        {His} mother [was quiet for a moment|knelt down|looked at {name}]. Then she said, "[Thank you for telling the truth|I am glad that you told me]. [A cup is only a cup|We can fix it together|That was brave]." [They glued the pieces together.|They cleaned it up together.] {name} felt [light and happy|much better] again.""",
    "journey": """{name} had never seen [the sea|the top of the mountain|the big city|the snow]. "[I want to see it with my own eyes|One day I will go there]," {he} said. So [one morning,|early the next day,] {he} packed some {food} and [said goodbye|started to walk].
        On the way, {name} met {friend}. "Where are you going?" asked {friend}. "[Far away|To the end of this road]," said {name}. "[Do you want to come with me|Come along]?" "Yes!" said {friend}. They walked [over hills and through forests|along the river|for three days]. [At night they slept under the stars.|When they were hungry, they shared the {food}.|When one was tired, the other sang a song.]
        [At last,|On the third day,] they [stood on a high hill|came around a corner]. There it was! "[It is bigger than I thought|It is so beautiful|I have no words]," said {name}. They [sat down and looked|stayed] until [the sun set|it was evening]. "[The way was long|I am tired]," said {friend}, "but [it was worth it|I am glad that I came]." """,
    "greedy": """{name} was very greedy. [Every day,|Near {place},] {he} took [all the {food}|the best {food}] and [hid them in a hole|gave nothing to the others]. "[The more, the better|Mine, all mine]!" {he} said.
        [One day,|One night,] {he} carried [so many {food}|such a heavy bag of {food}] that {he} could hardly walk. [{He} came to a small bridge.|{He} had to cross the river.] "[Put some down|That is too much]," said {friend}. But {name} [did not listen|only laughed]. Crack! [The bridge broke|The bag tore], and all the {food} fell into the water and [floated away|were gone].
        {name} [sat by the river and cried|had nothing left]. {Friend} [sat down next to {him}|came closer] and said, "[You can have some of mine|I will share mine with you]." {name} [was ashamed|looked at the ground]. "[Why are you so kind to me|I was never kind to you]," {he} said. "[Because we are neighbors|Because that is what friends do]," said {friend}. After that, {name} [was not greedy anymore|always shared with the others].""",
    "school": """It was {name}'s first day at [school|a new school]. {He} [did not know anyone|was very shy|held {his} mother's hand tightly]. [All the other children were talking and laughing.|The room was big and loud.] {name} sat down [in the corner|at the back] and looked at {his} shoes.
        Then {friend} came over and said, "[Hello|Hi]! [I like your {toy}|Do you want to play with us|What is your name]?" {name} [looked up|smiled a little]. "[I am {name}|My name is {name}]," {he} [said softly|whispered]. "[Come and sit with me|We are going to draw a dragon]," said {friend}.
        They [drew pictures|built a tall tower|read a funny story] together. [When the tower fell down|When the teacher told a joke], they both laughed. At lunch, they shared their {food}. When {his} mother came, {name} did not want to go home. "[I made a friend|School is fun|Can I come back tomorrow]!" {he} said.""",
    "learn": """{name} wanted to learn how to {skill}. [{He} had seen others do it.|It looked so easy.|{He} dreamed about it every night.] But the first time {he} tried, {he} [failed|fell down|could not do it]. The second time was [no better|even worse]. "[I will never learn it|I can't do it]," {he} said [sadly|with tears in {his} eyes].
        {Friend} [had watched {him}|heard this]. "[I needed a hundred tries|Nobody can do it the first time]," said {friend}. "[Try again|Let me show you how]. [Do not look down|Start slowly|Take your time]." {name} tried again. And again. [Every day, {he} got a little better.|Day after day, {he} practiced.]
        [Then, one day,|At last,] it worked! "[I can do it|Look at me]!" [shouted|cried] {name}. {Friend} [clapped|cheered]. "[I knew you could|You did not give up], and that is [why you did it|the secret]," said {friend}.""",
    "star": """[One night,|Late one evening,] {name} could not sleep. {He} [looked out of the window|went outside]. The moon was [big and round|bright], and there were [a thousand|so many] stars. [Suddenly|Then] one little star fell from the sky and landed [near {place}|in the grass|near the old well].
        {name} ran to it. The star was [small and warm|crying]. "[I want to go home|I fell down]," it said. "[How can I get back|Can you help me]?" {name} thought [hard|for a while]. {He} asked {friend} for help. Together they [climbed the highest tree|climbed the hill|tied the star to a kite]. {name} [held the star up as high as {he} could|threw the star high into the air]. [The wind took it|Up it went], higher and higher, until it was back in the sky.
        "[Thank you|Good night]!" [called|said] the star. [And every night|Since then, every night], when {name} looks up, one star [shines a little brighter|winks at {him}] than the others.""",
}
FEARS = ["the dark", "deep water", "thunder", "high places", "loud noises", "the big black dog next door", "spiders", "the old dark house"]
SKILLS = ["swim", "ride a bike", "play the flute", "whistle", "dance", "skate on the ice", "juggle", "climb trees", "jump over the stream", "sing", "fly a kite"]
ADJECTIVES = "little small young kind brave clever curious gentle shy funny cheerful quiet friendly hungry lazy poor".split()
UNNAMED = [
    "[Once upon a time,|Once,|Long ago,] there [was|lived] a {adj} {kind}.",
    "A {adj} {kind} lived [near {place}|in a small house|at the edge of the forest].",
    "[One day,|One morning,|One sunny day,] a {adj} {kind} [went for a walk|woke up early|looked out of the window].",
    "The {adj} {kind} lived [near {place}|all alone|in a cozy little house].",
    "There was once a {adj} {kind} who lived [near {place}|in a little village|by the sea].",
]
CHOICE = re.compile(r"\[([^\[\]]*)\]")


def expand(text, facts, rng):
    while CHOICE.search(text):
        text = CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), text)
    text = re.sub(r"\{(\w+)\}", lambda m: facts[m.group(1)], text)
    return re.sub(r"(^|\n|[.!?] |[^,] \"|[.!?]\" (?=the ))([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)


def hero(rng):
    female = rng.random() < 0.5
    name = rng.choice(GIRLS if female else BOYS)
    person = ["girl"] * 4 + ["princess", "farmer", "baker"] if female else ["boy"] * 4 + ["prince", "farmer", "fisherman"]
    kind = rng.choice(person if rng.random() < 0.55 else ANIMALS)
    named = rng.random() < 0.7
    return (name if named else "the " + kind), kind, female, named


def story(rng):
    name, kind, female, named = hero(rng)
    other = rng.choice([n for n in GIRLS + BOYS if n != name])
    friend = rng.choice([other, other, "the " + rng.choice(["old ", "wise ", "little ", "big "]) + rng.choice(ANIMALS)])
    ruler = rng.choice(["king", "king", "queen"])
    spots = rng.sample(SEARCH, 3)
    he = "she" if female else "he"
    facts = dict(
        name=name, call=name if named else kind, kind=kind, friend=friend, Friend=friend[0].upper() + friend[1:], adj=rng.choice(ADJECTIVES),
        he=he, He=he.capitalize(), his="her" if female else "his", His="Her" if female else "His",
        him="her" if female else "him", small=rng.choice(SMALL), food=rng.choice(FOODS), toy=rng.choice(TOYS),
        place=rng.choice(PLACES), spot1=spots[0], spot2=spots[1], spot3=spots[2], fear=rng.choice(FEARS),
        skill=rng.choice(SKILLS), ruler=ruler, rhis="her" if ruler == "queen" else "his")
    plot = rng.choice([p for p in PLOTS if named or p not in ("school", "king", "gift")])
    start = "" if plot == "king" else rng.choice(OPEN if named else UNNAMED) + " "
    if start and rng.random() < 0.3:
        start += SKY + " "
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n", start + PLOTS[plot])]
    paragraphs[-1] += " " + rng.choice(END)
    if rng.random() < 0.5:
        paragraphs = [" ".join(paragraphs)]
    return expand("\n".join(paragraphs), facts, rng)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=30000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with open(args.out, "w") as file:
        for _ in range(args.count):
            file.write(json.dumps(story(rng)) + "\n")


if __name__ == "__main__":
    main()
